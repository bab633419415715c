"""What an entry of the journal says, as a sentence's beginning, a colour and a list of facts.

Every event has words here or is shown by its own name: an event that a later version writes is not hidden. Ids
become names where the page knows them, and stay beside them as links. Nothing is computed that the entry does not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["EVENTS", "OUTCOMES", "Fact", "facts_of", "href_of", "kind_of", "title_of"]

EVENTS: Final[Mapping[str, str]] = {
    "call.decided": "Call decided",
    "call.finished": "Call finished",
    "call.listed": "Tools listed",
    "token.issued": "Token issued",
    "token.changed": "Token's limits changed",
    "token.rotated": "Token rotated",
    "token.retired": "Old token retired",
    "token.revoked": "Token revoked",
    "session.opened": "Signed in",
    "password.set": "Password set",
    "password.recovered": "Password recovered on the server's machine",
    "agent.created": "Agent added",
    "agent.changed": "Agent changed",
    "agent.disabled": "Agent disabled",
    "agent.enabled": "Agent enabled",
    "role.created": "Role made",
    "role.changed": "Role changed",
    "role.deleted": "Role deleted",
    "upstream.created": "Upstream registered",
    "upstream.changed": "Upstream changed",
    "upstream.disabled": "Upstream disabled",
    "upstream.enabled": "Upstream enabled",
    "upstream.deleted": "Upstream deleted",
    "secret.stored": "Secret stored",
    "secret.replaced": "Secret replaced",
    "secret.deleted": "Secret deleted",
    "secret.rewrapped": "Secrets wrapped anew",
    "key.rotated": "Key rotated",
    "run.opened": "Run opened",
    "run.ended": "Run ended",
    "credential.issued": "Access token issued",
    "credential.revoked": "Access token revoked",
    "link.withdrawn": "Capability withdrawn",
    "agent.key_added": "Agent's key added",
    "agent.key_removed": "Agent's key removed",
    "trust.created": "Trust rule made",
    "trust.changed": "Trust rule changed",
    "trust.deleted": "Trust rule deleted",
    "signing_key.made": "Signing key made",
    "signing_key.withdrawn": "Signing key withdrawn",
    "configuration.applied": "Files applied",
    "person.created": "Person added",
    "person.changed": "Person's role changed",
    "person.invited": "One-time code made",
    "person.disabled": "Person disabled",
    "operator.refused": "Operation refused",
    "credential.refused": "Credentials refused",
    "journal.opened": "Journal opened",
    "journal.closed": "Journal closed",
    "journal.recovered": "Journal recovered",
}
OUTCOMES: Final[Mapping[str, str]] = {"permit": "permitted", "deny": "refused", "step_up": "asked"}

_BAD: Final = frozenset({"operator.refused", "password.recovered", "credential.refused", "journal.recovered"})
_GONE: Final = (".revoked", ".disabled", ".deleted", ".retired")
_PAGES: Final = {
    "agt_": "/console/agents/",
    "crd_": "/console/tokens/",
    "ups_": "/console/upstreams/",
    "run_": "/console/stories/",
}
_FACTS: Final = (
    ("actor", "by"),
    ("agent", "agent"),
    ("role", "role"),
    ("credential", "token"),
    ("run", "run"),
    ("owner", "owner"),
    ("person", "acts for"),
    ("subject", "about"),
    ("upstream", "upstream"),
    ("surface", "surface"),
    ("action", "action"),
    ("action_class", "class"),
    ("resource", "resource"),
    ("purpose", "purpose"),
    ("code", "code"),
    ("status", "upstream answered"),
    ("bytes_out", "bytes returned"),
    ("source", "from"),
    ("correlation", "trace"),
    ("digest", "digest of the arguments"),
    ("decision", "decision"),
)
_UNSHOWN: Final = frozenset({"session", "kind"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of an entry. `href` leads to the page of what it names."""

    label: str
    text: str
    href: str | None = None
    known_as: str | None = None
    """The name behind an id, where the page knows it."""


def title_of(entry: Mapping[str, Any]) -> str:
    """`orders:refund order-12345` for a call; words for a change."""
    event = str(entry.get("event", ""))
    if event in {"call.decided", "call.finished"} and entry.get("action"):
        resource = entry.get("resource")
        return f"{entry['action']} {resource}" if resource else str(entry["action"])
    if event == "call.decided":
        return f"A call to {entry.get('upstream') or 'an upstream'} that could not be read"
    return EVENTS.get(event, event)


def kind_of(entry: Mapping[str, Any]) -> str:
    """`good`, `bad`, `asked`, `issue` or `plain`: what it looks like."""
    event, outcome = str(entry.get("event", "")), entry.get("outcome")
    if outcome is not None:
        return {"permit": "good", "deny": "bad", "step_up": "asked"}.get(str(outcome), "plain")
    if event == "token.issued":
        return "issue"
    if event in _BAD or event.endswith(_GONE):
        return "bad"
    return "plain"


def href_of(id_: object) -> str | None:
    """The page of what an id names."""
    text = str(id_)
    page = _PAGES.get(text[:4])
    return None if page is None or not text[4:].isalnum() else page + text


def facts_of(entry: Mapping[str, Any], names: Mapping[str, str], without: frozenset[str] = frozenset()) -> list[Fact]:
    """Everything that an entry says beside its title, in a fixed order."""
    found = [
        Fact(label, str(entry[member]), href_of(entry[member]), names.get(str(entry[member])))
        for member, label in _FACTS
        if member not in without and entry.get(member) not in {None, ""}
    ]
    found += [Fact("because", str(each)) for each in entry.get("because") or ()]
    found += [Fact("fault", str(each)) for each in entry.get("faults") or ()]
    found += [Fact(f"looked at {name}", str(value)) for name, value in sorted((entry.get("properties") or {}).items())]
    found += [_drawn(each) for each in entry.get("reservations") or ()]
    details = entry.get("details") or {}
    return found + [
        Fact(name.replace("_", " "), str(value), href_of(value), names.get(str(value)))
        for name, value in sorted(details.items())
        if name not in _UNSHOWN
    ]


def _drawn(reservation: Mapping[str, Any]) -> Fact:
    """What a call took from a limit: `1 of 300 in 60 s (calls)`."""
    meter = str(reservation.get("meter", "")).rpartition("/")[2]
    limit, period = reservation.get("limit"), reservation.get("period")
    span = f" in {int(period) // 1000} s" if period else ""
    return Fact("drew", f"{reservation.get('cost')} of {limit}{span} ({meter})")
