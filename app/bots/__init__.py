"""The door of our own algorithms: candles in, alerts out, and the same corridor behind it."""
