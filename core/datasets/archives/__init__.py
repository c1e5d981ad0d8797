"""Photos out of archives that strangers packed."""
