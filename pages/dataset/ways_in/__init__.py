"""The ways in which photos come into a dataset, one file each."""
