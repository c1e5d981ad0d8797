"""Phones send photos into a class by links that live for a lesson."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phone_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_at", sa.Float(), nullable=True),
        sa.Column("num_photos", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_phone_links_token_hash")),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_phone_links_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["dataset_classes.id"],
            name=op.f("fk_phone_links_class_id_dataset_classes"),
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_phone_links_class_id"), "phone_links", ["class_id"])
    op.create_index("ix_phone_links_dataset", "phone_links", ["dataset_id", "id"])
    op.create_table(
        "phone_photos",
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("link_id", "key_hash", name=op.f("pk_phone_photos")),
        sa.ForeignKeyConstraint(
            ["link_id"], ["phone_links.id"], name=op.f("fk_phone_photos_link_id_phone_links"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_phone_photos_dataset_id_datasets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["image_id"],
            ["dataset_images.id"],
            name=op.f("fk_phone_photos_image_id_dataset_images"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f("ix_phone_photos_dataset_id"), "phone_photos", ["dataset_id"])
    op.create_index(op.f("ix_phone_photos_image_id"), "phone_photos", ["image_id"])


def downgrade() -> None:
    op.drop_table("phone_photos")
    op.drop_table("phone_links")
