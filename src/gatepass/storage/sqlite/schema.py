"""The tables: the one definition that statements are built from and migrations are held to.

`journal` is append only, and its `seq` is part of every entry's hash. Its other columns repeat what the bodies
say. `labels` repeats them once more, a thousand entries at a time, with the indexes by which entries are found: an
index that is kept up entry by entry costs more than the entry. Entries that are not there yet are the journal's last
few. Verification compares all three. `spans` says which instants each
stretch of the journal touches: the clock may jump, so time cannot be searched by order. `draws` and `spent` are
what meters have given out, written in the transaction of the entry that says so.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "agent_keys",
    "agents",
    "draws",
    "issued",
    "journal",
    "labels",
    "metadata",
    "people",
    "roles",
    "runs",
    "secrets",
    "signing_keys",
    "spans",
    "spent",
    "status_lists",
    "tokens",
    "trust_rules",
    "upstreams",
    "withdrawn_links",
]

metadata: Final = MetaData(
    naming_convention={"ix": "%(table_name)s_by_%(column_0_name)s", "uq": "%(table_name)s_one_%(column_0_name)s"}
)

journal: Final = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("writer", Text, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("decision", Text),
    Column("outcome", Text),
    Column("credential", Text),
    Column("agent", Text),
    Column("run", Text),
    Column("subject", Text),
    Column("body", LargeBinary, nullable=False),
)

labels: Final = Table(
    "labels",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("decision", Text),
    Column("outcome", Text),
    Column("credential", Text),
    Column("agent", Text),
    Column("run", Text),
    Column("subject", Text),
)
Index("labels_by_event", labels.c.event)
for _name in ("decision", "credential", "agent", "run", "subject"):
    Index(f"labels_by_{_name}", labels.c[_name], sqlite_where=labels.c[_name].is_not(None))
# Written so that SQLite sees that `outcome = 'deny'` implies it. Permits are most of the journal: no index helps there.
Index("labels_by_refusal", labels.c.outcome, sqlite_where=text("outcome = 'deny' OR outcome = 'step_up'"))

spans: Final = Table(
    "spans",
    metadata,
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
    Column("earliest", BigInteger, nullable=False),
    Column("latest", BigInteger, nullable=False),
)

draws: Final = Table(
    "draws",
    metadata,
    Column("decision", Text, primary_key=True),
    Column("meter", Text, primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("used", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

spent: Final = Table(
    "spent",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("used", Text, nullable=False),
    sqlite_with_rowid=False,
)

people: Final = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("operator", Text),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
    Column("password_hash", Text),
    Column("fence", BigInteger),
    UniqueConstraint("name"),
)

agents: Final = Table(
    "agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, ForeignKey("people.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
    Column("limits", Text, nullable=False, server_default=text("'{}'")),
    Column("managed", Boolean, nullable=False, server_default=text("0")),
    Column("fence", BigInteger),
    UniqueConstraint("name"),
)

roles: Final = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("scopes", Text, nullable=False),
    Column("asks_person", Text, nullable=False),
    Column("max_lifetime", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("managed", Boolean, nullable=False, server_default=text("0")),
    Column("bearer_until", BigInteger),
    Column("bearer_because", Text),
    Column("default_scopes", Text, nullable=False, server_default=text("'[]'")),
    Column("longest_token", BigInteger),
)

upstreams: Final = Table(
    "upstreams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("operations", Text, nullable=False),
    Column("secret", Text),
    Column("injection", Text),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
    Column("allow_private", Boolean, nullable=False, server_default=text("0")),
    Column("managed", Boolean, nullable=False, server_default=text("0")),
    UniqueConstraint("name"),
)

secrets: Final = Table(
    "secrets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("name"),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, ForeignKey("agents.id"), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("closes", BigInteger, nullable=False),
    Column("label", Text),
    Column("purpose", Text),
    Column("limits", Text, nullable=False, server_default=text("'{}'")),
    Column("ended", BigInteger),
    Column("ended_because", Text),
)
Index("runs_by_closes", runs.c.closes)
trust_rules: Final = Table(
    "trust_rules",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("keys_url", Text),
    Column("keys", Text),
    Column("allow_private", Boolean, nullable=False),
    Column("audience", Text),
    Column("conditions", Text, nullable=False),
    Column("agent", Text, ForeignKey("agents.id")),
    Column("agent_claim", Text),
    Column("agents", Text, nullable=False),
    Column("longest_life", BigInteger),
    Column("single_use", Boolean, nullable=False),
    Column("reproof", Boolean, nullable=False),
    Column("expires", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("managed", Boolean, nullable=False),
    UniqueConstraint("name"),
)

agent_keys: Final = Table(
    "agent_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, ForeignKey("agents.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("jwk", Text, nullable=False),
    Column("thumbprint", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    UniqueConstraint("thumbprint"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("owner", Text, ForeignKey("people.id"), nullable=False),
    Column("agent", Text, ForeignKey("agents.id")),
    Column("authority", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("purpose", Text),
    Column("parent", Text),
    Column("meters", Text, nullable=False),
    Column("run", Text),
    Column("authenticated", BigInteger),
    Column("revoked", BigInteger),
    Column("revoked_because", Text),
    Column("replaces", Text),
    Column("replaced_by", Text),
    Column("retires", BigInteger),
    Column("latest", BigInteger),
    Column("ancestors", Text, nullable=False),
    UniqueConstraint("hash"),
)
Index("tokens_by_expires", tokens.c.expires)

issued: Final = Table(
    "issued",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, ForeignKey("agents.id"), nullable=False),
    Column("client", Text, nullable=False),
    Column("owner", Text, ForeignKey("people.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("authority", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("root", Text),
    Column("meters", Text, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("run", Text),
    Column("binding", Text),
    Column("purpose", Text),
    Column("parent", Text),
    Column("ancestors", Text, nullable=False),
    Column("revoked", BigInteger),
    Column("revoked_because", Text),
    Column("trust", Text),
)
Index("issued_by_expires", issued.c.expires)

withdrawn_links: Final = Table(
    "withdrawn_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("because", Text, nullable=False),
)
Index("withdrawn_links_by_expires", withdrawn_links.c.expires)

status_lists: Final = Table(
    "status_lists",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("promised", Integer, nullable=False),
)

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("x", Text, nullable=False),
    Column("y", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger),
    Column("withdrawn", BigInteger),
    Column("because", Text),
)
