"""Datasets: a person's own photos in named classes, collected, checked, split and frozen for training."""
