"""Where prices come from: a seeded walk, a candle file, or a hand on the control."""
