"""`make bench`: how long from an alert to its order, beside what that takes at least."""
