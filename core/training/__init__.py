"""Training: the networks that learn, how they learn, and what becomes of them."""
