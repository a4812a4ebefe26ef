"""The words of the trade, shared by every room: sides, instruments, quotes, tickers."""
