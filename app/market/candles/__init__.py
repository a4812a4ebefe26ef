"""Candles: what each market did, kept without gaps or doubles."""
