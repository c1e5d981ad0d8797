"""Models to take away: the files, how they are made and proven, and what is told about them."""
