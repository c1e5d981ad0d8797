"""Parts that several pages are made of; each owns its keys of the session state."""
