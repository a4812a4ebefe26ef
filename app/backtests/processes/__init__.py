"""Backtests in processes of their own: the loop that guards positions must not wait for them."""
