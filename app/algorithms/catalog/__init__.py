"""The algorithms that come with the program."""
