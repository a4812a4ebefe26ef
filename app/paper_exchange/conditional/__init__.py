"""Orders that wait, in Binance's protocol: algo orders of futures, order lists of spot."""
