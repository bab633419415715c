"""What is managed by files, where an upstream may be, and what an agent's tokens start with.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. What was there before is managed by hand, and keeps to public addresses."""
    op.add_column("agents", sa.Column("limits", sa.Text, nullable=False, server_default=sa.text("'{}'")))
    for table in ("agents", "roles"):
        op.add_column(table, _no("managed"))
    for name in ("allow_private", "managed"):
        op.add_column("upstreams", _no(name))


def _no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("0"))
