"""Long work outside the request: back-fills and whatever else takes minutes, with its progress."""
