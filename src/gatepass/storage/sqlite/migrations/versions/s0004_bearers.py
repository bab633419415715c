"""Until when, and why, a role's credentials may do more than read without a proof of possession.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. No role that was there before has an exception."""
    op.add_column("roles", sa.Column("bearer_until", sa.BigInteger))
    op.add_column("roles", sa.Column("bearer_because", sa.Text))
