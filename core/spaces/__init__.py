"""Whose things are whose: spaces, the browsers that are let in, and the class that a teacher holds."""
