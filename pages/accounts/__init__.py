"""The page of administrators: what accounts store, and its deletion."""
