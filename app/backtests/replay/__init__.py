"""A stored run played back, candle by candle."""
