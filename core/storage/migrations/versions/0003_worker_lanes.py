"""Workers belong to lanes."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workers", recreate=_recreate()) as batch:
        batch.add_column(sa.Column("lane", sa.Text(), server_default="networks", nullable=False), insert_after="host")


def downgrade() -> None:
    with op.batch_alter_table("workers", recreate=_recreate()) as batch:
        batch.drop_column("lane")


def _recreate() -> Literal["always", "never"]:
    """SQLite would write the new column behind the constraints; PostgreSQL cannot drop what others refer to."""
    return "always" if op.get_bind().dialect.name == "sqlite" else "never"
