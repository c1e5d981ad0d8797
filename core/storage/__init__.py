"""The workspace on disk: files that appear whole or not at all, and the database."""
