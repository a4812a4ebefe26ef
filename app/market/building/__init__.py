"""Larger candles from smaller ones, and candles from trades: as a job, or by the command."""
