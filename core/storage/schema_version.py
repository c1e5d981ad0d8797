"""Whether the tables are still those that this process knows: a newer Bluetit may change them while it runs."""

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import text

from core.errors import NewerDatabaseError
from core.storage.db import Database, migration_scripts


def refuse_newer_tables(database: Database) -> None:
    """Do nothing while the tables are known.

    Raises:
        NewerDatabaseError: a newer Bluetit has changed them since.
        StorageError: the database failed.
    """
    with database.read_session() as session:
        unknown = set(session.scalars(text("SELECT version_num FROM alembic_version"))) - _known()
    if unknown:
        raise NewerDatabaseError(
            f"A newer Bluetit has changed the database (schema {', '.join(sorted(unknown))}; this one knows up to "
            f"{max(_known())}). Update this one; until then it begins no tasks."
        )


@cache
def _known() -> frozenset[str]:
    return frozenset(each.revision for each in ScriptDirectory.from_config(migration_scripts()).walk_revisions())
