"""Features: what networks make of photos, computed once and kept."""
