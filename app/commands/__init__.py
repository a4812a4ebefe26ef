"""What `python -m app` can do: one file a command, loaded when it is asked for."""
