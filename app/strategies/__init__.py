"""What a trader configures: where a strategy trades, how it sizes, and who has to say yes."""
