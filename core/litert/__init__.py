"""LiteRT: answers of prepared networks, fast and without Keras."""
