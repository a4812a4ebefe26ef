"""What a trader writes down about their trading, day by day."""
