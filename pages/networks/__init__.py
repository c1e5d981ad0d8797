"""The parts of the networks page."""
