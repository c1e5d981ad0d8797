"""People say of single images that their class is right, or that nobody is sure."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD_COLUMNS = (
    "id, dataset_id, class_id, photo_hash, name, split, split_origin, capture_id, source_url, added_at, trashed_at"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _copy_with_review(op.get_bind())
    else:
        op.add_column("dataset_images", sa.Column("review", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dataset_images", "review")


def _copy_with_review(connection: sa.Connection) -> None:
    """Copy the table, or SQLite would write the new column behind the constraints.

    Not as a batch: what Alembic reads of the old table has no AUTOINCREMENT, and its constraints in any order.
    """
    last_id = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'dataset_images'"))
    op.create_table(
        "dataset_images_new",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("photo_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=True),
        sa.Column("split_origin", sa.Text(), nullable=True),
        sa.Column("capture_id", sa.Integer(), nullable=True),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("trashed_at", sa.Float(), nullable=True),
        sa.Column("review", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_images_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["dataset_classes.id"],
            name=op.f("fk_dataset_images_class_id_dataset_classes"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["photo_hash"], ["photos.hash"], name=op.f("fk_dataset_images_photo_hash_photos")),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name=op.f("fk_dataset_images_capture_id_captures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_images")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO dataset_images_new ({_OLD_COLUMNS}) SELECT {_OLD_COLUMNS} FROM dataset_images")
    op.drop_table("dataset_images")
    op.rename_table("dataset_images_new", "dataset_images")
    op.create_index(op.f("ix_dataset_images_capture_id"), "dataset_images", ["capture_id"])
    op.create_index("ix_dataset_images_class", "dataset_images", ["class_id", "trashed_at", "id"])
    op.create_index("ix_dataset_images_dataset", "dataset_images", ["dataset_id", "trashed_at", "id"])
    op.create_index(op.f("ix_dataset_images_photo_hash"), "dataset_images", ["photo_hash"])
    if last_id is not None:
        # The copy knows only the numbers that it holds; those of images that are gone must not be given again.
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'dataset_images'"))
        numbers = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('dataset_images', :last_id)")
        connection.execute(numbers, {"last_id": last_id})
