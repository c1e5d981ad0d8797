"""Faces in photos: found, and made so that nobody can be told by them."""
