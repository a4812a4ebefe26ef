"""Reads what happened: rows become values, with one question per table."""
