"""One schema on three databases: types that keep every digit, sessions that say who commits."""
