"""Projects in one file: a dataset with its runs, taken from one workspace to another."""
