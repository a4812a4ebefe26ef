"""Backtests that are kept: what was asked for, and what came of it."""
