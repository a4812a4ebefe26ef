"""Round trips and the trader's day."""
