"""What the trading has brought, by day, strategy and symbol. Reads only."""
