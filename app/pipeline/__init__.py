"""The corridor: alarms → signals → risk → orders → positions → pnl, joined only in `flow`."""
