"""`demo`: the whole story on a running server, told while it happens."""
