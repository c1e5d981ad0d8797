"""What the closer look at a run followed from, so that another run with the same model is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_looks",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_looks_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_looks")),
    )
    op.create_index(op.f("ix_run_looks_digest"), "run_looks", ["digest"])


def downgrade() -> None:
    op.drop_table("run_looks")
