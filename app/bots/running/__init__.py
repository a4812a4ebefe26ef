"""Bots at work: in one worker's hands each, fed candle by candle."""
