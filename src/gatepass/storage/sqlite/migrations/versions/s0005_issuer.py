"""Access tokens, the keys that sign them, and what a role says of them.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and add the columns: no role has default scopes, and no fence stands."""
    _issued()
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("x", sa.Text, nullable=False),
        sa.Column("y", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("begins", sa.BigInteger, nullable=False),
        sa.Column("ends", sa.BigInteger),
        sa.Column("withdrawn", sa.BigInteger),
        sa.Column("because", sa.Text),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in ("agents", "people"):
        op.add_column(table, sa.Column("fence", sa.BigInteger))
    op.add_column("roles", sa.Column("default_scopes", sa.Text, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("roles", sa.Column("longest_token", sa.BigInteger))


def _issued() -> None:
    op.create_table(
        "issued",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("root", sa.Text),
        sa.Column("meters", sa.Text, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("binding", sa.Text),
        sa.Column("purpose", sa.Text),
        sa.Column("parent", sa.Text),
        sa.Column("ancestors", sa.Text, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("revoked_because", sa.Text),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["agent"], ["agents.id"]),
        sa.ForeignKeyConstraint(["owner"], ["people.id"]),
    )
    op.create_index("issued_by_expires", "issued", ["expires"])
