"""What people type into a terminal: `bluetit` and `bluetit class`."""
