"""Series that are kept up to date: each of their candles is fetched as soon as it has closed."""
