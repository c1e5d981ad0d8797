"""The parts of the dataset page."""
