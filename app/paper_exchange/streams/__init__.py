"""Binance's market streams."""
