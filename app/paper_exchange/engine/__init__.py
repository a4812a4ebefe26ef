"""The rules of the venue: pure, no I/O; balances, margin, filters and matching."""
