"""Which photo is for training, which for validation, which for the test."""
