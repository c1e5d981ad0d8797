"""Sorting photos into classes with the network's help: what is like some examples, and where each may belong."""
