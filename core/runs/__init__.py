"""Runs: trainings from config and snapshot to a model, noted so that nothing of them is lost."""
