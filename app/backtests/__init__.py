"""What a strategy would have done: on stored candles, by the corridor's own rules."""
