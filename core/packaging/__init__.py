"""The files that people take away: made, loaded again and compared. Loads Keras."""
