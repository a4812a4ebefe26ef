"""The venue's own database file: its state, its history and its ledger."""
