"""Candles from their venues: what is missing of a series, as a job or while somebody waits."""
