"""Records as rows: what administration keeps, put and read back exactly.

A stored authority is the issued one, in the notation of `authority_to_json`; what of it cannot be read any more
vetoes, and that is the authority's own law. What else cannot be read is damage, and is reported as such.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, Connection, Table, delete, select
from sqlalchemy.exc import IntegrityError

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId, SecretId, UpstreamId
from gatepass.administration import Record, Records
from gatepass.authority import Authority, authority_to_json, kept_authority
from gatepass.credentials import IssuedRecord, TokenKind, TokenLimits, TokenRecord, WithdrawnLink
from gatepass.errors import Conflict, Malformed, Unavailable
from gatepass.keys import IssuerKey, SealedSecret
from gatepass.registry import (
    Agent,
    AgentKey,
    AgentKeyId,
    AgentLimits,
    Injection,
    OperatorRole,
    Person,
    Role,
    Run,
    RunLimits,
    TrustKind,
    TrustRule,
    TrustRuleId,
    Upstream,
    UpstreamKind,
)
from gatepass.revocation import ListRecord
from gatepass.storage.sqlite import schema

__all__ = ["expire", "load", "put", "remove"]

_Row = dict[str, Any]

_MOST_EXPIRED: Final = 5_000
"""Rows of one round of `expire`, which everybody who writes has to wait for."""
_ORDER: Final = (
    Person,
    Agent,
    Role,
    Upstream,
    SealedSecret,
    IssuerKey,
    Run,
    ListRecord,
    TokenRecord,
    IssuedRecord,
    WithdrawnLink,
    TrustRule,
    AgentKey,
)
"""Owners before what they own: the order in which records can be put, and the other way round be removed."""


def put(connection: Connection, records: Sequence[Record]) -> None:
    """Add or replace. Raises `Conflict` for a name that is taken and an owner that is not there."""
    for record in sorted(records, key=lambda record: _ORDER.index(type(record))):
        table, row = _row(record)
        try:
            connection.exec_driver_sql(_upsert(table), tuple(row.values()))
        except IntegrityError as error:
            raise _conflict(record, str(error.orig)) from None


@cache
def _upsert(table: Table) -> str:
    """Insert a row, or replace the one of the same key, with a value for each column in their order. Made once."""
    names = _names(table)
    keys = [column.name for column in table.primary_key]
    rest = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    places = ", ".join("?" * len(names))
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places}) "  # noqa: S608  names from our own schema
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {rest}"
    )


def remove(connection: Connection, records: Sequence[Record]) -> None:
    """Remove what is there. Raises `Conflict` for what others belong to."""
    for record in sorted(records, key=lambda record: _ORDER.index(type(record)), reverse=True):
        table, row = _row(record)
        (key,) = table.primary_key
        try:
            connection.execute(delete(table).where(key == row[key.name]))
        except IntegrityError as error:
            raise _conflict(record, str(error.orig)) from None


def load(connection: Connection) -> Records:
    """Everything, in the order of creation. Raises `Unavailable` (`store_damaged`)."""

    def read(table: Table, of: Callable[[_Row], Any], order: str = "created") -> tuple[Any, ...]:
        (key,) = table.primary_key
        if any(isinstance(column.type, Boolean) for column in table.columns):
            found = connection.execute(select(table).order_by(table.c[order], key)).mappings()
            rows: Iterable[_Row] = map(dict, found)
        else:  # what the driver gives is what is meant, and there may be many
            names = _names(table)
            sql = f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order}, {key.name}"  # noqa: S608  names of our own
            rows = (dict(zip(names, row, strict=True)) for row in connection.exec_driver_sql(sql))
        return tuple([_read(table, of, row) for row in rows])

    return Records(
        people=read(schema.people, _person),
        agents=read(schema.agents, _agent),
        roles=read(schema.roles, _role),
        upstreams=read(schema.upstreams, _upstream),
        secrets=read(schema.secrets, _secret),
        runs=read(schema.runs, _run, "opened"),
        tokens=read(schema.tokens, _token, "issued"),
        issued=read(schema.issued, _issued, "issued"),
        links=read(schema.withdrawn_links, _link),
        signing=read(schema.signing_keys, _signing_key),
        lists=read(schema.status_lists, _list),
        trust_rules=read(schema.trust_rules, _trust_rule),
        agent_keys=read(schema.agent_keys, _agent_key),
    )


def expire(connection: Connection, before: Instant, ended: Instant) -> int:
    """Forget tokens and runs that were over before `before`, and access tokens that were before `ended`. Says how many.

    With them go the totals that nothing is left to draw on.
    """
    gone = 0
    ends = (
        (schema.tokens, schema.tokens.c.expires, before),
        (schema.runs, schema.runs.c.closes, before),
        (schema.issued, schema.issued.c.expires, ended),
        (schema.withdrawn_links, schema.withdrawn_links.c.expires, ended),
    )
    for table, end, until in ends:
        over = select(table.c.id).where(end < until).limit(_MOST_EXPIRED)
        gone += connection.execute(delete(table).where(table.c.id.in_(over))).rowcount
    if gone:
        connection.exec_driver_sql(
            "DELETE FROM spent WHERE period = 0 AND substr(meter, 1, instr(meter, '/') - 1) NOT IN"
            " (SELECT id FROM tokens UNION SELECT meters FROM tokens UNION SELECT id FROM runs"
            " UNION SELECT id FROM issued UNION SELECT meters FROM issued)"
        )
    return gone


# -- out


def _row(record: Record) -> tuple[Table, _Row]:
    match record:
        case Agent():
            return schema.agents, {**_same(record, schema.agents), "limits": _text(record.limits)}
        case Role():
            texts = {name: _text(getattr(record, name)) for name in _SCOPES}
            return schema.roles, {**_same(record, schema.roles), **texts}
        case Upstream():
            injection = None if record.injection is None else _text(record.injection)
            return schema.upstreams, {**_same(record, schema.upstreams), "injection": injection}
        case Run():
            return schema.runs, {**_same(record, schema.runs), "limits": _text(record.limits)}
        case IssuedRecord():
            authority = exact.write(authority_to_json(record.authority)).decode()
            texts = {"authority": authority, "ancestors": _text(record.ancestors)}
            return schema.issued, {**_same(record, schema.issued), **texts}
        case TrustRule():
            texts = {name: _text(getattr(record, name)) for name in ("conditions", "agents")}
            return schema.trust_rules, {**_same(record, schema.trust_rules), **texts}
        case TokenRecord():
            texts = {
                "authority": exact.write(authority_to_json(record.authority)).decode(),
                "limits": _text(record.limits),
                "ancestors": _text(record.ancestors),
            }
            return schema.tokens, {**_same(record, schema.tokens), **texts}
        case _:
            table = _PLAIN[type(record)]
            return table, _same(record, table)


_PLAIN: Final[Mapping[type[Record], Table]] = {
    Person: schema.people,
    SealedSecret: schema.secrets,
    IssuerKey: schema.signing_keys,
    WithdrawnLink: schema.withdrawn_links,
    ListRecord: schema.status_lists,
    AgentKey: schema.agent_keys,
}
"""Kinds whose members are columns as they are."""


def _same(record: Record, table: Table) -> _Row:
    """Members and columns have the same names. Enumerations are kept as their values."""
    return {name: _value(getattr(record, name)) for name in _names(table)}


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _value(value: object) -> object:
    return str(value) if isinstance(value, OperatorRole | UpstreamKind | TokenKind | TrustKind) else value


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _conflict(record: Record, why: str) -> Conflict:
    called = record.id if isinstance(record, Run) else record.name
    if why.endswith((".name", ".thumbprint")):
        return Conflict("conflict", f"the name `{called}` is taken")
    return Conflict("conflict", f"`{called}` belongs to something that is not there, or something belongs to it")


# -- in


def _read(table: Table, of: Callable[[_Row], Any], row: _Row) -> Any:  # noqa: ANN401  one reader a table, each typed
    try:
        return of(row)
    except (ValueError, TypeError, LookupError, Malformed, msgspec.MsgspecError):
        raise Unavailable("store_damaged", f"a row of the table `{table.name}` cannot be read") from None


def _person(row: _Row) -> Person:
    operator = row["operator"]
    return Person(
        **{**row, "id": PersonId(row["id"]), "operator": None if operator is None else OperatorRole(operator)}
    )


def _agent(row: _Row) -> Agent:
    limits = msgspec.json.decode(row["limits"], type=AgentLimits)
    return Agent(**{**row, "id": AgentId(row["id"]), "limits": limits})


def _role(row: _Row) -> Role:
    texts = {name: msgspec.json.decode(row[name], type=tuple[str, ...]) for name in _SCOPES}
    return Role(**{**row, **texts})


def _upstream(row: _Row) -> Upstream:
    injection = None if row["injection"] is None else msgspec.json.decode(row["injection"], type=Injection)
    kind = UpstreamKind(row["kind"])
    return Upstream(**{**row, "id": UpstreamId(row["id"]), "kind": kind, "injection": injection})


def _secret(row: _Row) -> SealedSecret:
    return SealedSecret(**{**row, "id": SecretId(row["id"])})


def _run(row: _Row) -> Run:
    limits = msgspec.json.decode(row["limits"], type=RunLimits)
    return Run(**{**row, "id": RunId(row["id"]), "agent": AgentId(row["agent"]), "limits": limits})


def _trust_rule(row: _Row) -> TrustRule:
    read = {
        "id": TrustRuleId(row["id"]),
        "kind": TrustKind(row["kind"]),
        "conditions": msgspec.json.decode(row["conditions"], type=tuple[str, ...]),
        "agents": msgspec.json.decode(row["agents"], type=dict[str, AgentId]),
    }
    return TrustRule(**{**row, **read})


def _agent_key(row: _Row) -> AgentKey:
    return AgentKey(**{**row, "id": AgentKeyId(row["id"])})


def _token(row: _Row) -> TokenRecord:
    row["kind"] = _KINDS[row["kind"]]
    row["authority"] = _authority(row["authority"])
    row["limits"] = _limits(row["limits"])
    row["ancestors"] = () if row["ancestors"] == "[]" else _ANCESTORS.decode(row["ancestors"])
    return TokenRecord(**row)


def _issued(row: _Row) -> IssuedRecord:
    row["authority"] = _authority(row["authority"])
    row["ancestors"] = () if row["ancestors"] == "[]" else _ANCESTORS.decode(row["ancestors"])
    return IssuedRecord(**row)


def _authority(text: str) -> Authority:
    """What is kept of an authority, which is read when it is asked. That it is one is looked at now."""
    _GRANTS.decode(text)
    return kept_authority(text)


def _link(row: _Row) -> WithdrawnLink:
    return WithdrawnLink(**row)


def _list(row: _Row) -> ListRecord:
    return ListRecord(**row)


def _signing_key(row: _Row) -> IssuerKey:
    return IssuerKey(**row)


@lru_cache(maxsize=1024)
def _limits(text: str) -> TokenLimits:
    """Many tokens have the same."""
    return msgspec.json.decode(text, type=TokenLimits)


_SCOPES: Final = ("scopes", "asks_person", "default_scopes")
_KINDS: Final[Mapping[str, TokenKind]] = {kind.value: kind for kind in TokenKind}
_GRANTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANCESTORS: Final = msgspec.json.Decoder(tuple[CredentialId, ...])
