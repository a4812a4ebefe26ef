"""What the markets are and what they cost: instruments, prices, candles."""
