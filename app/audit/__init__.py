"""Who did what, when, from where and why: rows are added and never changed."""
