"""The parts of the dataset page, one file each."""
