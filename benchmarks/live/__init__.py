"""Live cameras before one server: how many answers a second each viewer has, and how old they are."""
