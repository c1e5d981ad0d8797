"""What Alembic runs for each command; the connection comes from `core.storage.db.migration_config`.

After a change in `core/storage/schema.py`, write the next file of `versions` with

    with engine.begin() as connection:
        config = migration_config(connection)
        alembic.command.revision(config, "what changes", autogenerate=True, rev_id="0002")

and read it: Alembic does not see everything.
"""

from alembic import context

from core.storage.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite can only alter a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
