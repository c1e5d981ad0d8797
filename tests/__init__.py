"""The tests, a package so that what the browser tests share ends with the last of these."""
