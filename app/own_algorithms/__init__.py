"""Algorithms of one's own: Python files in a folder, each run in a process that can be ended."""
