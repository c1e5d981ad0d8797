"""Phones as cameras: links by which they send photos into one class of a dataset, for the time of a lesson."""
