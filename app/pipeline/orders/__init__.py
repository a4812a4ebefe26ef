"""What we asked the venue to do, and what it executed."""
