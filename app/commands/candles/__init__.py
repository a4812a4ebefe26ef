"""`candles`: fetched, looked through, built, and taken to a file and back."""
