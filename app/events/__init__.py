"""`/events`: everything of a trader's that changes, as it changes."""
