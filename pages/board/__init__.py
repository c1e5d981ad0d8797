"""Class: the teacher's board."""
