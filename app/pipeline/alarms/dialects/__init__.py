"""One file per alert format: a table of its fields, units and traps, and how to read it."""
