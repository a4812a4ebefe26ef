"""What must hold, one noun each: pure questions about rows and about what a venue said."""
