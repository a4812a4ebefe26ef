"""Who may come in: users, invites, sessions, API keys; and the exchange accounts they own."""
