"""Many visitors at once: a client that speaks as a browser does, what visitors do, and a server of its own."""
