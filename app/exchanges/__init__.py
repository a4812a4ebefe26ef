"""The only room that speaks to venues: dataclasses go in and come out, no ccxt dict leaves."""
