"""Answers from prepared backbones through LiteRT, fast and without Keras."""
