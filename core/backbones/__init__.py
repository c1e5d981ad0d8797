"""Pretrained networks: what there is, how they are built, and their weights."""
