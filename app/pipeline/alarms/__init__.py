"""What arrived: kept raw, counted once, understood."""
