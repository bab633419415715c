"""An entry is written once, exactly, whatever somebody put into it; and never with a secret."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import exact
from gatepass.access import (
    AgentId,
    CredentialId,
    DecisionId,
    Instant,
    Json,
    MeterKind,
    Outcome,
    PersonId,
    Reservation,
    RunId,
)
from gatepass.audit import Entry, labels_of, members_of, write_body
from gatepass.audit.bodies import LONGEST_BODY, carefully
from gatepass.credentials import TokenKind, issue_text
from gatepass.errors import Error, Malformed, Unavailable

REFUND = Entry(
    at=Instant(1_795_356_660_123),
    event="call.decided",
    decision=DecisionId("dec_1"),
    outcome=Outcome.PERMIT,
    code="ok",
    credential=CredentialId("crd_0123456789"),
    agent=AgentId("agt_1"),
    person=PersonId("per_1"),
    run=RunId("run_1"),
    action="orders:refund",
    resource="order-12345",
    properties={"currency": "USD", "amount": Decimal("49.50")},
    reservations=(Reservation("crd_0123456789/calls", MeterKind.QUOTA, Decimal(60), period=60_000),),
    bytes_out=0,
)


def text(entry: Entry) -> bytes:
    return write_body(entry)[0]


def test_an_entry_has_one_spelling() -> None:
    assert text(REFUND) == (
        b'{"action":"orders:refund","agent":"agt_1","at":1795356660123,"bytes_out":0,"code":"ok",'
        b'"credential":"crd_0123456789","decision":"dec_1","event":"call.decided","outcome":"permit","person":"per_1",'
        b'"properties":{"amount":49.50,"currency":"USD"},'
        b'"reservations":[{"cost":1,"kind":"quota","limit":60,"meter":"crd_0123456789/calls","period":60000}],'
        b'"resource":"order-12345","run":"run_1"}'
    )


def test_labels_say_what_the_body_says() -> None:
    body, labels = write_body(REFUND)
    assert labels == labels_of(body)
    assert (labels.credential, labels.decision, labels.outcome) == ("crd_0123456789", "dec_1", "permit")


def test_a_number_keeps_every_digit_and_a_text_stays_a_text() -> None:
    properties: dict[str, Json] = {
        "long": Decimal("0.1234567890123456789012345678901234567890"),
        "huge": Decimal("1E+300"),
        "text": "50",
        "zeros": Decimal("50.000"),
    }
    said = members_of(text(Entry(at=Instant(1), event="x", properties=properties)))["properties"]
    assert isinstance(said, Mapping)
    assert {name: str(value) for name, value in said.items()} == {
        name: str(value) for name, value in properties.items()
    }
    assert isinstance(said["text"], str)


def test_a_mapping_that_is_no_dictionary_is_written_like_one() -> None:
    frozen: Mapping[str, Json] = MappingProxyType({"b": "1", "a": MappingProxyType({"c": None})})
    assert b'"properties":{"a":{"c":null},"b":"1"}' in text(Entry(at=Instant(1), event="x", properties=frozen))


# -- what is too long


def test_a_long_text_is_cut_and_the_entry_says_so() -> None:
    entry = Entry(
        at=Instant(1), event="call.decided", credential=CredentialId("crd_1"), properties={"note": "n" * 10**6}
    )
    said = json.loads(text(entry))
    assert said["properties"]["note"] == "n" * 256
    assert said["abridged"] == ["properties.note"]
    assert said["credential"] == "crd_1"


def test_what_fits_is_not_cut() -> None:
    entry = Entry(at=Instant(1), event="call.decided", properties={"note": "n" * 10_000})
    assert json.loads(text(entry))["properties"]["note"] == "n" * 10_000


def test_many_properties_are_cut_and_the_entry_says_so() -> None:
    entry = Entry(at=Instant(1), event="x", properties={f"p{number:05}": "v" * 200 for number in range(10_000)})
    said = json.loads(text(entry))
    assert said["abridged"][0] == "properties"
    assert next(iter(said["properties"])) == "p00000"


def test_an_adversarial_entry_is_written_without_what_could_not_be_kept() -> None:
    nested: Json = tuple("x" * 200 for _ in range(64))
    for _ in range(20):
        nested = (nested, *("x" * 200 for _ in range(64)))
    entry = Entry(
        at=Instant(1),
        event="call.decided",
        outcome=Outcome.DENY,
        properties={f"p{number}" * 30: nested for number in range(100)},
    )
    said = json.loads(text(entry))
    assert said["outcome"] == "deny"
    assert said["abridged"][0] == "properties"


def test_an_entry_that_cannot_be_abridged_is_refused() -> None:
    many = tuple(Reservation(f"crd_1/{number}", MeterKind.TOTAL, Decimal(1)) for number in range(1000))
    with pytest.raises(Malformed) as caught:
        write_body(Entry(at=Instant(1), event="call.decided", reservations=many))
    assert caught.value.code == "too_large"
    assert str(caught.value) == "an entry of `call.decided` is too large for the journal"


def test_half_a_surrogate_pair_and_a_number_that_is_none_are_replaced() -> None:
    entry = Entry(
        at=Instant(1), event="x", resource="a\ud800b", properties={"n": Decimal("NaN"), "i": Decimal("-Infinity")}
    )
    said = json.loads(text(entry))
    assert said["resource"] == "a?b"
    assert said["properties"] == {"i": "-Infinity", "n": "NaN"}
    assert sorted(said["abridged"]) == ["properties.i", "properties.n", "resource"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=300)
    | st.decimals(allow_nan=True)
    | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=5).map(tuple) | st.dictionaries(st.text(max_size=80), inner, max_size=5),
    max_leaves=20,
)


@given(
    properties=st.dictionaries(st.text(), JSON, max_size=6),
    resource=st.text(st.characters()),
    details=st.dictionaries(st.text(), st.text(max_size=5000)),
)
def test_every_entry_becomes_one_strict_json_object_within_bounds(
    properties: Any, resource: str, details: dict[str, str]
) -> None:
    body, labels = write_body(
        Entry(at=Instant(5), event="x", properties=properties, resource=resource, details=details)
    )
    assert len(body) <= LONGEST_BODY
    assert b"\n" not in body
    assert isinstance(exact.read(body, max_depth=64), Mapping)
    assert (labels.at, labels.event) == (5, "x")


def written(write: Callable[[Entry], object], entry: Entry) -> object:
    try:
        return write(entry)
    except Malformed as refusal:
        return refusal.code


WORDS = (
    st.text(max_size=20) | st.text(st.characters(), max_size=20) | st.sampled_from(["", "gp_", 'a":""', "x" * 17_000])
)
DRAWN = st.builds(
    Reservation,
    WORDS,
    st.sampled_from(MeterKind),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.none() | st.integers(1, 10**9),
)
PLAIN = st.none() | st.booleans() | WORDS | st.decimals(allow_nan=True)


@given(
    members=st.fixed_dictionaries(
        {
            "at": st.integers(0, 2**53),
            "event": WORDS,
            "decision": st.none() | WORDS,
            "outcome": st.none() | st.sampled_from(Outcome),
            "code": st.none() | WORDS,
            "because": st.lists(WORDS, max_size=3).map(tuple),
            "credential": st.none() | WORDS,
            "purpose": st.none() | WORDS,
            "properties": st.dictionaries(WORDS, PLAIN | JSON, max_size=3),
            "reservations": st.lists(DRAWN, max_size=3).map(tuple),
            "status": st.none() | st.integers(0, 600),
            "details": st.dictionaries(WORDS, WORDS, max_size=3),
        }
    )
)
def test_the_quick_way_and_the_careful_one_write_the_same(members: dict[str, Any]) -> None:
    """Twice, because what was worked out of a reservation is remembered with it."""
    entry = Entry(**members)
    assert written(write_body, entry) == written(carefully, entry) == written(write_body, entry)


def test_members_stand_in_the_order_of_their_names() -> None:
    assert list(Entry.__struct_fields__) == sorted(Entry.__struct_fields__)


# -- no secret


@pytest.mark.parametrize("kind", list(TokenKind))
@pytest.mark.parametrize("shape", ["{}", "order-{}", "{0}{0}", "x" * 230 + "{}", "a/{}/b"])
def test_a_token_in_any_member_loses_its_secret(kind: TokenKind, shape: str) -> None:
    token = issue_text(kind, "AAAAAAAAAA", b"0123456789abcdefghijABCDEFGHIJ")
    secret = token[len(f"gp_{kind.value}_AAAAAAAAAA") :]
    sent = shape.format(token)
    entry = Entry(
        at=Instant(1),
        event="call.decided",
        resource=sent,
        purpose=sent,
        properties={"note": sent, "more": (sent,), sent: "x"},
        details={"header": sent * 200},
    )
    body = text(entry).decode()
    for start in range(len(secret) - 6):
        assert secret[start : start + 6] not in body
    assert f"gp_{kind.value}_AAAAAAAAAA[redacted]" in body


@pytest.mark.parametrize("member", ["resource", "purpose", "correlation", "code"])
def test_a_token_that_is_all_that_is_unusual_of_an_entry_loses_its_secret(member: str) -> None:
    token = issue_text(TokenKind.MACHINE, "AAAAAAAAAA", b"0123456789abcdefghijABCDEFGHIJ")
    body = text(REFUND.amended(**{member: token}))
    assert b"gp_sk_AAAAAAAAAA[redacted]" in body
    assert b"0123456789abcdefghij" not in body


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_all_that_is_unusual_of_an_entry(number: str) -> None:
    entry = Entry(at=Instant(1), event="x", properties={"n": Decimal(number)})
    assert write_body(entry) == carefully(entry)
    assert json.loads(text(entry)) == {"abridged": ["properties.n"], "at": 1, "event": "x", "properties": {"n": number}}


# -- reading what is none


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"at":1}', b'{"at":"x","event":"y"}', b"\xff", b"[" * 10**6])
def test_what_is_no_entry_is_reported_as_damage(body: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        labels_of(body)
    assert (caught.value.code, str(caught.value)) == ("journal_damaged", "an entry of the journal cannot be read")


@given(st.binary(max_size=200))
def test_reading_raises_nothing_else(body: bytes) -> None:
    for read in (labels_of, members_of):
        try:
            read(body)
        except Error as error:
            assert error.code == "journal_damaged"  # noqa: PT017  both outcomes are allowed
