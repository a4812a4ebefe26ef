"""Candles in, intents out: pure decisions that bots and backtests run alike."""
