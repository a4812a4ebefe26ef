"""Inside a simulator: the position of one strategy on one symbol, and what is done with it."""
