"""How photos come into a dataset: what is asked for, gathered, laid out in classes, and taken in."""
