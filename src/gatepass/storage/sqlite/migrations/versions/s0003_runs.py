"""Runs as records. Those that tokens were given before get theirs: open until the last of their tokens ends.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and open the runs that are only a name so far."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("closes", sa.BigInteger, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("purpose", sa.Text),
        sa.Column("limits", sa.Text, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("ended", sa.BigInteger),
        sa.Column("ended_because", sa.Text),
        sa.ForeignKeyConstraint(["agent"], ["agents.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("runs_by_closes", "runs", ["closes"])
    op.execute(
        "INSERT INTO runs (id, agent, opened, opened_by, closes)"
        " SELECT run, min(agent), min(issued), min(issuer), max(expires) FROM tokens"
        " WHERE run IS NOT NULL AND agent IS NOT NULL GROUP BY run"
    )
