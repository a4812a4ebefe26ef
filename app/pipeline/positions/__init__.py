"""What one strategy holds, watched until it is flat."""
