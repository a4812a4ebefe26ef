"""What the trader's own alarms would have brought under other settings, on stored candles."""
