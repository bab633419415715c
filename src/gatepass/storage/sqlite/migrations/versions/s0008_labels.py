"""The journal's indexes on a table of their own, which is kept up a thousand entries at a time.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, of all entries that there are, and its indexes; drop those on the journal itself."""
    op.create_table(
        "labels",
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("decision", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("credential", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("subject", sa.Text),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.execute(
        "INSERT INTO labels SELECT seq, at, event, decision, outcome, credential, agent, run, subject FROM journal"
    )
    for name in ("event", "decision", "credential", "agent", "run", "subject", "refusal"):
        op.drop_index(f"journal_by_{name}", "journal")
    op.create_index("labels_by_event", "labels", ["event"])
    for name in ("decision", "credential", "agent", "run", "subject"):
        op.create_index(f"labels_by_{name}", "labels", [name], sqlite_where=sa.text(f"{name} IS NOT NULL"))
    op.create_index(
        "labels_by_refusal", "labels", ["outcome"], sqlite_where=sa.text("outcome = 'deny' OR outcome = 'step_up'")
    )
