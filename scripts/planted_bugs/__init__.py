"""`make bugs`: plant bugs that cost others money, one at a time, and see that tests catch each."""
