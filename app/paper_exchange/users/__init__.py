"""User data: what an account is told about its own orders, balances and positions."""
