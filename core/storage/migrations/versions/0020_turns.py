"""Spaces take turns: when each had its last one; and tasks are found by their kind, to tell how long such ones take."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "space_turns",
        sa.Column("space_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "lane", name=op.f("pk_space_turns")),
    )
    op.create_index("ix_tasks_kind", "tasks", ["kind", "status", "id"])


def downgrade() -> None:
    op.drop_index("ix_tasks_kind", "tasks")
    op.drop_table("space_turns")
