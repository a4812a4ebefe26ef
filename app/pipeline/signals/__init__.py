"""What we intend because of an alarm, and who decided it."""
