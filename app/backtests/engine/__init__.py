"""Pure: candles and wishes in, fills, trades and an equity curve out; the same every time."""
