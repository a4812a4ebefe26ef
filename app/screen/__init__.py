"""The trader's screen, as the server hands it out."""
