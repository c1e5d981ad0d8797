"""Alembic's folder: one file per change of the schema, applied by `core.storage.db.open_database`."""
