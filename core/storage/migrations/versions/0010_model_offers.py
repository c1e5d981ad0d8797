"""Models that others may try."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_offers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_at", sa.Float(), nullable=True),
        sa.Column("num_photos", sa.Integer(), nullable=False),
        sa.Column("num_right", sa.Integer(), nullable=False),
        sa.Column("num_wrong", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_model_offers_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_offers")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_offers_run", "model_offers", ["run_id", "id"])
    op.create_index("uq_model_offers_token", "model_offers", ["token"], unique=True)


def downgrade() -> None:
    op.drop_table("model_offers")
