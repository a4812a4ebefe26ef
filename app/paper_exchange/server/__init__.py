"""The doors: HTTP and WebSocket addresses, the control API, and the request ledger."""
