"""What to do about a difference, where many have the same remedy."""

from typing import Final

ITSELF: Final = (
    "The server settles this by itself within 30 s when it runs: start it and look again;"
    " if it stays, read /status-server and the notices."
)
BOOKS: Final = (
    "This should not happen, and nothing mends it by itself: stop entries with the kill switch,"
    " keep a copy of the database and report it."
)
