"""What follows from a comparison with the venue: strays, losses and funding."""
