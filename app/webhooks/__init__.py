"""The door for alerts: who sends, with which token, and the bytes kept before the answer."""
