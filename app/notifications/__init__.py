"""What a trader has to be told, written down with the change that is the cause of it."""
