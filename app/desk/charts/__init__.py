"""Algorithms on real candles: their lines, and where they would have entered and left."""
