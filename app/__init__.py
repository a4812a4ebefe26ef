"""Signalbox: from a trading alert to a protected position."""

__version__ = "0.1.0"
