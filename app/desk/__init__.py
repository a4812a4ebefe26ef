"""Questions and commands that cross stages: previews, manual orders, live positions, timelines."""
