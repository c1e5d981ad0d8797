"""What stays true when server and workers are killed at any moment."""
