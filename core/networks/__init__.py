"""Backbones as Keras networks: built, cut, converted and prepared. Loads Keras."""
