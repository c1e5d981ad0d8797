"""Training in a Ray cluster: a process that has Ray place workers, and what runs on a node."""
