"""Whom we believe about agents: trust rules, the agents' own public keys, and what goes back to a rule.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the column that names a rule. Before them nobody was believed."""
    op.create_table(
        "trust_rules",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("keys_url", sa.Text),
        sa.Column("keys", sa.Text),
        sa.Column("allow_private", sa.Boolean, nullable=False),
        sa.Column("audience", sa.Text),
        sa.Column("conditions", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, sa.ForeignKey("agents.id")),
        sa.Column("agent_claim", sa.Text),
        sa.Column("agents", sa.Text, nullable=False),
        sa.Column("longest_life", sa.BigInteger),
        sa.Column("single_use", sa.Boolean, nullable=False),
        sa.Column("reproof", sa.Boolean, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("managed", sa.Boolean, nullable=False),
        sa.UniqueConstraint("name", name="trust_rules_one_name"),
    )
    op.create_table(
        "agent_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, sa.ForeignKey("agents.id"), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("jwk", sa.Text, nullable=False),
        sa.Column("thumbprint", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.UniqueConstraint("thumbprint", name="agent_keys_one_thumbprint"),
    )
    op.add_column("issued", sa.Column("trust", sa.Text))
