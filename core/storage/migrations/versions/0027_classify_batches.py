"""Photos on the classify page, with their answers, outlive the server that has them in memory."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BATCH = "classify_batches"


def upgrade() -> None:
    op.create_table(
        _BATCH,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("owner_hash", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("next_photo_id", sa.Integer(), nullable=False),
        sa.Column("num_photos", sa.Integer(), nullable=False),
        sa.Column("num_bytes", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classify_batches")),
    )
    op.create_index(op.f("ix_classify_batches_key_hash"), _BATCH, ["key_hash"])
    op.create_table(
        "classify_photos",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "photo_id", name=op.f("pk_classify_photos")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["classify_batches.id"],
            name=op.f("fk_classify_photos_batch_id_classify_batches"),
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "classify_answers",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "photo_id", "fingerprint", name=op.f("pk_classify_answers")),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["classify_batches.id"],
            name=op.f("fk_classify_answers_batch_id_classify_batches"),
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    for name in ("classify_answers", "classify_photos", _BATCH):
        op.drop_table(name)
