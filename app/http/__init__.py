"""What every route shares: sessions, errors as JSON, pages, who is calling."""
