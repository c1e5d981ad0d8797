"""The teacher's board: deletions with their receipts, what is handed out, what is told to pupils."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("requested_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("receipt", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("dismissed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletions")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hand_outs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("classroom_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("is_for_newcomers", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["classroom_id"], ["classrooms.id"], name=op.f("fk_hand_outs_classroom_id_classrooms"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_outs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_hand_outs_classroom_id"), "hand_outs", ["classroom_id"])
    op.create_table(
        "hand_out_copies",
        sa.Column("hand_out_id", sa.Integer(), nullable=False),
        sa.Column("receiver_id", sa.Integer(), nullable=False),
        sa.Column("copied_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["hand_out_id"], ["hand_outs.id"], name=op.f("fk_hand_out_copies_hand_out_id_hand_outs"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["spaces.id"], name=op.f("fk_hand_out_copies_receiver_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hand_out_id", "receiver_id", name=op.f("pk_hand_out_copies")),
    )
    op.create_index(op.f("ix_hand_out_copies_receiver_id"), "hand_out_copies", ["receiver_id"])
    op.create_table(
        "space_notices",
        sa.Column("of_space_id", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.Float(), nullable=True),
        sa.Column("warned_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["of_space_id"], ["spaces.id"], name=op.f("fk_space_notices_of_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("of_space_id", name=op.f("pk_space_notices")),
    )


def downgrade() -> None:
    op.drop_table("space_notices")
    op.drop_table("hand_out_copies")
    op.drop_table("hand_outs")
    op.drop_table("deletions")
