"""What a person should know of an import is kept with it, until somebody puts the report away."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OLD_COLUMNS = (
    "id, dataset_id, request, task_id, state, question, num_accepted, num_refused, refused, created_at, finished_at"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy_with_report(op.get_bind())
    else:
        op.add_column("photo_imports", sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
        op.alter_column("photo_imports", "notes", server_default=None)
        op.add_column("photo_imports", sa.Column("dismissed_at", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("photo_imports", "dismissed_at")
    op.drop_column("photo_imports", "notes")


def _copy_with_report(connection: sa.Connection) -> None:
    """Copy the table, or SQLite would write the new columns behind the constraints."""
    last_id = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'photo_imports'"))
    op.create_table(
        "photo_imports_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=True),
        sa.Column("num_accepted", sa.Integer(), nullable=False),
        sa.Column("num_refused", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("dismissed_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_photo_imports_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_imports")),
        sqlite_autoincrement=True,
    )
    # Reports of before were news for a quarter of an hour: whoever updates must not find them all on the page again.
    op.execute(
        f"INSERT INTO photo_imports_new ({_OLD_COLUMNS}, notes, dismissed_at) "
        f"SELECT {_OLD_COLUMNS}, '[]', finished_at FROM photo_imports"
    )
    op.drop_table("photo_imports")
    op.rename_table("photo_imports_new", "photo_imports")
    op.create_index("ix_photo_imports_dataset", "photo_imports", ["dataset_id", "id"], unique=False)
    if last_id is not None:
        # The copy knows only the numbers that it holds; those of imports that are gone must not be given again.
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'photo_imports'"))
        numbers = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('photo_imports', :last_id)")
        connection.execute(numbers, {"last_id": last_id})
