"""Prices as they come, to whoever listens on a WebSocket."""
