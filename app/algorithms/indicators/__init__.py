"""Indicators as Pine defines and seeds them, for whole series and candle by candle.

A series function takes float64 values, oldest first, and returns as many: NaN until the first
value. Its class takes one value or candle at a time and returns None until then. Both agree to
1e-9. They decide nothing to the cent: prices of orders are Decimal and come from elsewhere.
"""
