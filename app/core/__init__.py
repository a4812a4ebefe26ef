"""What every room needs and no room owns: clock, ids, errors, move tables, decimals, logs."""
