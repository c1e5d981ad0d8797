"""The parts of the classify page."""
