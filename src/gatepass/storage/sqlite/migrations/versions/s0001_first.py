"""The first schema: the journal, what meters have given out, and the records.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _journal()
    _meters()
    _people()
    _upstreams()
    _tokens()


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("prev", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("decision", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("credential", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("journal_by_event", "journal", ["event"])
    for name in ("decision", "credential", "agent", "run", "subject"):
        op.create_index(f"journal_by_{name}", "journal", [name], sqlite_where=sa.text(f"{name} IS NOT NULL"))
    op.create_index(
        "journal_by_refusal", "journal", ["outcome"], sqlite_where=sa.text("outcome = 'deny' OR outcome = 'step_up'")
    )
    op.create_table(
        "spans",
        sa.Column("first", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("earliest", sa.BigInteger, nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("first"),
    )


def _meters() -> None:
    op.create_table(
        "draws",
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("meter", sa.Text, nullable=False),
        sa.Column("period", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("decision", "meter", "period"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spent",
        sa.Column("meter", sa.Text, nullable=False),
        sa.Column("period", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("meter", "period", "start"),
        sqlite_with_rowid=False,
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("operator", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.BigInteger),
        sa.Column("password_hash", sa.Text),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="people_one_name"),
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.BigInteger),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="agents_one_name"),
        sa.ForeignKeyConstraint(["owner"], ["people.id"]),
    )
    op.create_table(
        "roles",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("asks_person", sa.Text, nullable=False),
        sa.Column("max_lifetime", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _upstreams() -> None:
    op.create_table(
        "upstreams",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("operations", sa.Text, nullable=False),
        sa.Column("secret", sa.Text),
        sa.Column("injection", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.BigInteger),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="upstreams_one_name"),
    )
    op.create_table(
        "secrets",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("upstream", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="secrets_one_name"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text),
        sa.Column("parent", sa.Text),
        sa.Column("meters", sa.Text, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("authenticated", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("revoked_because", sa.Text),
        sa.Column("replaces", sa.Text),
        sa.Column("replaced_by", sa.Text),
        sa.Column("retires", sa.BigInteger),
        sa.Column("latest", sa.BigInteger),
        sa.Column("ancestors", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="tokens_one_hash"),
        sa.ForeignKeyConstraint(["owner"], ["people.id"]),
        sa.ForeignKeyConstraint(["agent"], ["agents.id"]),
    )
    op.create_index("tokens_by_expires", "tokens", ["expires"])
