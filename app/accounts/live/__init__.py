"""Streams of a login: how they are opened, and that they end with it."""
