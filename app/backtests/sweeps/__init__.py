"""One backtest under many parameters."""
