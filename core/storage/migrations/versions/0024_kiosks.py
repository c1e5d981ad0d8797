"""Kiosks: screens on which a network answers whoever walks past."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kiosks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("setup", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kiosks")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_kiosks_run_id_runs"), ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_kiosks_token", "kiosks", ["token"], unique=True)
    op.create_index("uq_kiosks_network", "kiosks", ["space_id", "network"], unique=True)
    op.create_index(op.f("ix_kiosks_run_id"), "kiosks", ["run_id"])


def downgrade() -> None:
    op.drop_table("kiosks")
