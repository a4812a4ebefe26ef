"""`doctor`: whether a live installation is as it should be; it changes nothing."""
