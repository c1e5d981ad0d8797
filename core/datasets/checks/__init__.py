"""What may be wrong with the photos of a dataset."""
