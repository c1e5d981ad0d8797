"""Where a space has a snapshot from is its own matter, and so are the keys of its tasks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0011"
branch_labels = None
depends_on = None

_HOME = "1"
_ACTIVE = sa.text("status IN ('queued', 'running')")
_ACTIVE_SHARED = sa.text("space_id IS NULL AND status IN ('queued', 'running')")
_CONTENT = ("class_names", "num_images", "created_at")


def upgrade() -> None:
    op.create_table(
        "snapshot_origins",
        sa.Column("snapshot_hash", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_hash"],
            ["snapshots.hash"],
            name=op.f("fk_snapshot_origins_snapshot_hash_snapshots"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_snapshot_origins_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_snapshot_origins_dataset_id_datasets"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("snapshot_hash", "space_id", name=op.f("pk_snapshot_origins")),
    )
    op.create_index(op.f("ix_snapshot_origins_space_id"), "snapshot_origins", ["space_id"])
    op.execute(
        "INSERT INTO snapshot_origins (snapshot_hash, space_id, dataset_id, dataset_name, created_at) "
        f"SELECT hash, {_HOME}, dataset_id, dataset_name, created_at FROM snapshots"
    )
    if op.get_bind().dialect.name == "sqlite":
        _replace_snapshots([])
    else:
        op.drop_column("snapshots", "dataset_id")
        op.drop_column("snapshots", "dataset_name")
    op.drop_index("uq_tasks_active_key", "tasks")
    _unique_key("uq_tasks_active_key", ["space_id", "key"], _ACTIVE)
    _unique_key("uq_tasks_active_shared_key", ["key"], _ACTIVE_SHARED)


def downgrade() -> None:
    op.drop_index("uq_tasks_active_shared_key", "tasks")
    op.drop_index("uq_tasks_active_key", "tasks")
    _unique_key("uq_tasks_active_key", ["key"], _ACTIVE)
    columns: list[sa.Column[Any]] = [
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("dataset_name", sa.Text(), nullable=False, server_default=""),
    ]
    if op.get_bind().dialect.name == "sqlite":
        _replace_snapshots(columns)
    else:
        for column in columns:
            op.add_column("snapshots", column)
        op.create_foreign_key(
            op.f("fk_snapshots_dataset_id_datasets"),
            "snapshots",
            "datasets",
            ["dataset_id"],
            ["id"],
            ondelete="SET NULL",
        )
    of_home = f"FROM snapshot_origins WHERE snapshot_hash = snapshots.hash AND space_id = {_HOME}"
    for column in columns:
        otherwise = "NULL" if column.nullable else "''"
        op.execute(f"UPDATE snapshots SET {column.name} = COALESCE((SELECT {column.name} {of_home}), {otherwise})")
    op.drop_table("snapshot_origins")


def _replace_snapshots(columns: list[sa.Column[Any]]) -> None:
    """Copy the table into one with other columns: SQLite cannot drop one that a constraint names."""
    foreign = [
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_snapshots_dataset_id_datasets"), ondelete="SET NULL"
        )
    ]
    op.create_table(
        "snapshots_new",
        sa.Column("hash", sa.Text(), nullable=False),
        *columns,
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("num_images", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        *(foreign if columns else []),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_snapshots")),
    )
    kept = ", ".join(("hash", *_CONTENT))
    op.execute(f"INSERT INTO snapshots_new ({kept}) SELECT {kept} FROM snapshots")
    op.drop_table("snapshots")
    op.rename_table("snapshots_new", "snapshots")


def _unique_key(name: str, columns: list[str], condition: sa.TextClause) -> None:
    op.create_index(name, "tasks", columns, unique=True, sqlite_where=condition, postgresql_where=condition)
