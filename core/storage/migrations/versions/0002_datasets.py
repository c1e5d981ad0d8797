"""Datasets: classes, images, captures, imports, checks, snapshots, and what can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("trashed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_datasets_live_name",
        "datasets",
        ["name_key"],
        unique=True,
        sqlite_where=sa.text("trashed_at IS NULL"),
        postgresql_where=sa.text("trashed_at IS NULL"),
    )
    op.create_table(
        "photos",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("suffix", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("original_width", sa.Integer(), nullable=False),
        sa.Column("original_height", sa.Integer(), nullable=False),
        sa.Column("num_bytes", sa.BigInteger(), nullable=False),
        sa.Column("measurements", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_photos")),
    )
    op.create_table(
        "captures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captures")),
        sa.UniqueConstraint("dataset_id", "label", name=op.f("uq_captures_dataset_id_label")),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_captures_dataset_id_datasets"), ondelete="CASCADE"
        ),
    )
    op.create_table(
        "dataset_checks",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("checked_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_checks_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_dataset_checks")),
    )
    op.create_table(
        "dataset_classes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("trashed_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_classes_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_classes")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_dataset_classes_live_name",
        "dataset_classes",
        ["dataset_id", "name_key"],
        unique=True,
        sqlite_where=sa.text("trashed_at IS NULL"),
        postgresql_where=sa.text("trashed_at IS NULL"),
    )
    op.create_table(
        "dataset_operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("undone_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_operations_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_operations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_operations_dataset", "dataset_operations", ["dataset_id", "id"], unique=False)
    op.create_table(
        "dismissed_findings",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("finding_key", sa.Text(), nullable=False),
        sa.Column("dismissed_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dismissed_findings_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "finding_key", name=op.f("pk_dismissed_findings")),
    )
    op.create_table(
        "photo_imports",
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
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_photo_imports_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_imports")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_photo_imports_dataset", "photo_imports", ["dataset_id", "id"], unique=False)
    op.create_table(
        "photo_pairs",
        sa.Column("first_hash", sa.Text(), nullable=False),
        sa.Column("second_hash", sa.Text(), nullable=False),
        sa.Column("similarity", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["first_hash"], ["photos.hash"], name=op.f("fk_photo_pairs_first_hash_photos"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_hash"], ["photos.hash"], name=op.f("fk_photo_pairs_second_hash_photos"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("first_hash", "second_hash", name=op.f("pk_photo_pairs")),
    )
    op.create_index(op.f("ix_photo_pairs_second_hash"), "photo_pairs", ["second_hash"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("num_images", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_snapshots_dataset_id_datasets"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "dataset_images",
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
    op.create_index(op.f("ix_dataset_images_capture_id"), "dataset_images", ["capture_id"], unique=False)
    op.create_index("ix_dataset_images_class", "dataset_images", ["class_id", "trashed_at", "id"], unique=False)
    op.create_index("ix_dataset_images_dataset", "dataset_images", ["dataset_id", "trashed_at", "id"], unique=False)
    op.create_index(op.f("ix_dataset_images_photo_hash"), "dataset_images", ["photo_hash"], unique=False)
    op.create_table(
        "snapshot_images",
        sa.Column("snapshot_hash", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("photo_hash", sa.Text(), nullable=False),
        sa.Column("class_index", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["snapshot_hash"],
            ["snapshots.hash"],
            name=op.f("fk_snapshot_images_snapshot_hash_snapshots"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["photo_hash"], ["photos.hash"], name=op.f("fk_snapshot_images_photo_hash_photos")),
        sa.PrimaryKeyConstraint("snapshot_hash", "position", name=op.f("pk_snapshot_images")),
    )
    op.create_index(op.f("ix_snapshot_images_photo_hash"), "snapshot_images", ["photo_hash"], unique=False)


def downgrade() -> None:
    op.drop_table("snapshot_images")
    op.drop_table("dataset_images")
    op.drop_table("snapshots")
    op.drop_table("photo_pairs")
    op.drop_table("photo_imports")
    op.drop_table("dismissed_findings")
    op.drop_table("dataset_operations")
    op.drop_table("dataset_classes")
    op.drop_table("dataset_checks")
    op.drop_table("captures")
    op.drop_table("photos")
    op.drop_table("datasets")
