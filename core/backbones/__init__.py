"""Pretrained networks: what there is, their weights, and what was prepared of them. Needs no Keras."""
