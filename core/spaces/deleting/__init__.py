"""Everything of a space or a class is deleted for good, which is then proven."""
