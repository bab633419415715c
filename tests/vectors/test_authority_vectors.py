"""The vectors of the authority model, as any implementation could run them; `README.md` describes the format."""

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gatepass import exact
from gatepass.access import (
    UNKNOWN,
    Access,
    Action,
    ActionClass,
    Context,
    CredentialId,
    Instant,
    PartialAccess,
    Resource,
    RunId,
    Subject,
)
from gatepass.authority import (
    Permission,
    authority_from_json,
    authority_to_json,
    covers,
    excess,
    from_details,
    may_permit,
    meet,
    permits,
)
from gatepass.errors import Malformed

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("authority-*.json"))
KEYS = {
    "json": ({"text"}, {"canonical"}),
    "scopes": ({"scope"}, {"canonical"}),
    "details": ({"details"}, {"scopes"}),
    "decisions": ({"authority", "access"}, {"missing_scope", "reservations", "obligations"}),
    "listings": ({"authority", "partial"}, set()),
    "relations": ({"wide", "narrow"}, {"meet"}),
}
OUTCOMES = {
    "json": {"accept", "malformed_json"},
    "scopes": {"accept", "malformed_scope"},
    "details": {"accept", "malformed_details"},
    "decisions": {
        "permit",
        "malformed_json",
        "scope_missing",
        "caveat_veto",
        "caveat_unreadable",
        "approval_unavailable",
    },
    "listings": {"listed", "hidden"},
    "relations": {"covers", "exceeds"},
}


def kind(path: Path) -> str:
    return path.stem.removeprefix("authority-")


def vectors(wanted: str) -> list[Any]:
    return [
        pytest.param(vector, id=vector["name"])
        for path in FILES
        if kind(path) == wanted
        for vector in content(path)["vectors"]
    ]


def content(path: Path) -> Any:
    return exact.read(path.read_bytes())


def access_of(stated: Mapping[str, Any]) -> Access:
    assert stated.keys() <= {"type", "action", "ids", "pattern", "properties", "free", "context", "run"}
    return Access(
        subject_of(stated),
        Action(stated["action"], ActionClass.WRITE),
        Resource(stated["type"], tuple(stated.get("ids", ())), stated.get("pattern")),
        context_of(stated),
        properties_of(stated),
        frozenset(stated.get("free", ())),
    )


def partial_of(stated: Mapping[str, Any]) -> PartialAccess:
    assert stated.keys() <= {"type", "action", "ids", "properties", "open", "free", "context"}
    return PartialAccess(
        subject_of(stated),
        Action(stated["action"], ActionClass.WRITE),
        stated["type"],
        Resource(stated["type"], stated["ids"]) if "ids" in stated else UNKNOWN,
        context_of(stated),
        properties_of(stated),
        frozenset(stated["open"]) if "open" in stated else UNKNOWN,
        frozenset(stated.get("free", ())),
    )


def subject_of(stated: Mapping[str, Any]) -> Subject:
    return Subject(CredentialId("crd_1"), run=RunId(stated["run"]) if "run" in stated else None)


def properties_of(stated: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = exact.read(stated.get("properties", "{}"))
    assert isinstance(properties, Mapping)
    return properties


def context_of(stated: Mapping[str, Any]) -> Context:
    context = stated.get("context", {})
    assert context.keys() <= {"at", "source", "audience", "proof_key", "purpose", "attested", "approved_by", "honoured"}
    return Context(
        Instant(int(context.get("at", 1_780_000_000_000))),
        context.get("source"),
        context.get("audience"),
        context.get("proof_key"),
        frozenset(context.get("attested", ())),
        frozenset(context.get("approved_by", ())),
        context.get("purpose"),
        frozenset(context.get("honoured", ())),
    )


def test_there_are_enough_and_each_says_what_it_tests() -> None:
    seen: Counter[str] = Counter()
    for path in FILES:
        file = content(path)
        assert file.keys() == {"format", "about", "vectors"}
        assert file["format"] == 1
        names = [vector["name"] for vector in file["vectors"]]
        assert len(set(names)) == len(names)
        needed, possible = KEYS[kind(path)]
        for vector in file["vectors"]:
            seen[vector["rule"]] += 1
            stated = vector.keys() - {"name", "rule", "outcome"}
            assert needed <= stated <= needed | possible, vector["name"]
            assert vector["outcome"] in OUTCOMES[kind(path)], vector["name"]
    assert seen.total() >= 150
    listed = re.findall(r"^\| `([a-z0-9_.]+)` \|", (HERE / "README.md").read_text(), re.MULTILINE)
    assert sorted(seen) == sorted(listed), "README.md lists every rule that a vector names, and no other"


@pytest.mark.parametrize("vector", vectors("json"))
def test_json(vector: Mapping[str, Any]) -> None:
    if vector["outcome"] == "accept":
        value = exact.read(vector["text"])
        written = exact.write(value)
        assert written.decode() == vector.get("canonical", written.decode())
        assert exact.read(written) == value
        return
    with pytest.raises(Malformed) as refusal:
        exact.read(vector["text"])
    assert refusal.value.code == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("scopes"))
def test_scopes(vector: Mapping[str, Any]) -> None:
    if vector["outcome"] == "accept":
        assert str(Permission.parse(vector["scope"])) == vector["scope"]
        return
    with pytest.raises(Malformed) as refusal:
        Permission.parse(vector["scope"])
    assert refusal.value.code == vector["outcome"]
    if "canonical" in vector:
        assert f"it is written `{vector['canonical']}`" in refusal.value.message
        assert str(Permission.parse(vector["canonical"])) == vector["canonical"]


@pytest.mark.parametrize("vector", vectors("details"))
def test_details(vector: Mapping[str, Any]) -> None:
    details = exact.read(vector["details"])
    if vector["outcome"] == "accept":
        assert [str(permission) for permission in from_details(details)] == list(vector["scopes"])
        return
    with pytest.raises(Malformed) as refusal:
        from_details(details)
    assert refusal.value.code == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("decisions"))
def test_decisions(vector: Mapping[str, Any]) -> None:
    if vector["outcome"] == "malformed_json":
        with pytest.raises(Malformed):
            access_of(vector["access"])
        return
    access = access_of(vector["access"])
    verdict = permits(authority_from_json(vector["authority"]), access)
    assert ("permit" if verdict.permitted else verdict.vetoes[0].code) == vector["outcome"]
    assert verdict.permitted == (verdict.grant is not None) == (not verdict.vetoes)
    if "missing_scope" in vector:
        assert verdict.missing_scope == vector["missing_scope"]
        again = permits(authority_from_json({"grants": ({"scope": verdict.missing_scope},)}), access)
        assert again.permitted, "the missing scope would have been enough"
    reservations = [
        {"meter": r.meter, "kind": r.kind.value, "limit": r.limit, "cost": r.cost}
        | ({} if r.period is None else {"period": Decimal(r.period)})
        for r in verdict.reservations
    ]
    assert reservations == list(vector.get("reservations", ()))
    assert list(verdict.obligations) == list(vector.get("obligations", ()))


@pytest.mark.parametrize("vector", vectors("listings"))
def test_listings(vector: Mapping[str, Any]) -> None:
    listed = may_permit(authority_from_json(vector["authority"]), partial_of(vector["partial"]))
    assert ("listed" if listed else "hidden") == vector["outcome"]


@pytest.mark.parametrize("vector", vectors("relations"))
def test_relations(vector: Mapping[str, Any]) -> None:
    wide, narrow = authority_from_json(vector["wide"]), authority_from_json(vector["narrow"])
    assert authority_to_json(wide) == vector["wide"]
    assert authority_to_json(narrow) == vector["narrow"]
    assert ("covers" if covers(wide, narrow) else "exceeds") == vector["outcome"]
    assert (excess(wide, narrow) == ()) == (vector["outcome"] == "covers")
    both = meet(wide, narrow)
    assert covers(wide, both)
    assert covers(narrow, both)
    if "meet" in vector:
        assert authority_to_json(both) == vector["meet"]
