"""What the venue does with orders that wait, and what it does by itself."""
