"""Secrets at rest: how they are sealed, where they lie, and how they come under another key."""
