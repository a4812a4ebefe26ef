"""Binance's REST dialect over the engine."""
