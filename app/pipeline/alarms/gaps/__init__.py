"""Alerts that never arrived, seen by what TradingView says its position was before the next one."""
