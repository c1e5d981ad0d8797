"""Models to take away: which files there are, and what is told about them."""
