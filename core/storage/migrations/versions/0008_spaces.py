"""Everything belongs to a space; what is there already, to the space of whoever uses Bluetit alone."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_HOME = "1"
_NOT_TRASHED = sa.text("trashed_at IS NULL")
_NAMED = ("datasets", "runs")


def upgrade() -> None:
    op.create_table(
        "classrooms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("paused_text", sa.Text(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classrooms")),
        sa.UniqueConstraint("code", name=op.f("uq_classrooms_code")),
        sqlite_autoincrement=True,
    )
    spaces = op.create_table(
        "spaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("classroom_id", sa.Integer(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("pickup_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("doing", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["classroom_id"], ["classrooms.id"], name=op.f("fk_spaces_classroom_id_classrooms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spaces")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_spaces_classroom", "spaces", ["classroom_id", "id"])
    op.create_index("uq_spaces_account", "spaces", ["account"], unique=True)
    op.create_table(
        "space_keys",
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_space_keys_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_space_keys")),
    )
    op.create_index(op.f("ix_space_keys_space_id"), "space_keys", ["space_id"])
    now = time.time()
    op.execute(spaces.insert().values(id=1, kind="home", name="Home", created_at=now, seen_at=now, doing={}))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT setval(pg_get_serial_sequence('spaces', 'id'), 1)")
    for table in (*_NAMED, "tasks"):
        column = sa.Column("space_id", sa.Integer(), nullable=table == "tasks", server_default=_HOME)
        if op.get_bind().dialect.name == "sqlite":
            _copy_with_space(op.get_bind(), table, "space_id INTEGER DEFAULT '1'" + " NOT NULL" * (table != "tasks"))
        else:
            op.add_column(table, column)
    for table in _NAMED:
        op.drop_index(f"uq_{table}_live_name", table)
        _unique_names(table, ["space_id", "name_key"])
    op.create_index("ix_tasks_space", "tasks", ["space_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_tasks_space", "tasks")
    for table in _NAMED:
        op.drop_index(f"uq_{table}_live_name", table)
        _unique_names(table, ["name_key"])
    for table in (*_NAMED, "tasks"):
        op.drop_column(table, "space_id")
    op.drop_table("space_keys")
    op.drop_table("spaces")
    op.drop_table("classrooms")


def _unique_names(table: str, columns: list[str]) -> None:
    op.create_index(
        f"uq_{table}_live_name",
        table,
        columns,
        unique=True,
        sqlite_where=_NOT_TRASHED,
        postgresql_where=_NOT_TRASHED,
    )


def _copy_with_space(connection: sa.Connection, table: str, column: str) -> None:
    """Copy a table into one with another last column, or SQLite would write it behind the constraints.

    From the text of the table as it is: what Alembic reads of it has no AUTOINCREMENT.
    """
    of_table = {"name": table}
    told = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), of_table)
    indexes = connection.scalars(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :name AND sql IS NOT NULL"), of_table
    ).all()
    last_id = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), of_table)
    columns = ", ".join(f'"{row.name}"' for row in connection.execute(sa.text(f"PRAGMA table_info({table})")))
    inside = told[told.index("(") + 1 : told.rindex(")")]
    cut = inside.find("CONSTRAINT")
    parts = (inside.rstrip(), column, "") if cut < 0 else (inside[:cut].rstrip(" ,\n\t"), column, inside[cut:])
    connection.exec_driver_sql(f"CREATE TABLE {table}_new ({', '.join(part for part in parts if part)} )")
    connection.exec_driver_sql(f"INSERT INTO {table}_new ({columns}) SELECT {columns} FROM {table}")
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)
    for index in indexes:
        connection.exec_driver_sql(index)
    if last_id is not None:
        # The copy knows only the numbers that it holds; those of rows that are gone must not be given again.
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), of_table)
        numbers = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last_id)")
        connection.execute(numbers, {**of_table, "last_id": last_id})
