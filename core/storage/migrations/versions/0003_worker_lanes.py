"""Workers belong to lanes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    lane = sa.Column("lane", sa.Text(), server_default="networks", nullable=False)
    if op.get_bind().dialect.name == "sqlite":
        # Copied, or SQLite would write the new column behind the constraints.
        with op.batch_alter_table("workers", recreate="always") as batch:
            batch.add_column(lane, insert_after="host")
    else:
        op.add_column("workers", lane)


def downgrade() -> None:
    with op.batch_alter_table("workers") as batch:
        batch.drop_column("lane")
