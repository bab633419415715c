"""A token's text: written one way, read strictly, shown once."""

import copy
import hashlib
import json
import logging
import pickle
import re
import traceback
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr
from tests.credentials.records import token_record
from tests.keys.randomness import Numbered

from gatepass.access import CredentialId, Instant
from gatepass.credentials import PATTERN, IssuedToken, TokenKind, UnverifiedToken, issue, issue_text
from gatepass.credentials.ids import ALPHABET
from gatepass.errors import Malformed

AT = Instant(1_763_820_000_000)
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tokens.json").read_text())["cases"]
kinds = st.sampled_from(TokenKind)
base62 = st.text(alphabet=ALPHABET, min_size=40, max_size=40)


def new(kind: TokenKind = TokenKind.MACHINE, seed: bytes = b"token") -> IssuedToken:
    return issue(kind, AT, Numbered(seed))


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_vectors(case: dict[str, str]) -> None:
    if case["outcome"] == "accepted":
        token = UnverifiedToken.parse(case["text"])
        assert token.kind == case["kind"]
        assert token.credential_id == case["credential"]
        assert token.matches(bytes.fromhex(case["sha256"]))
        assert issue_text(token.kind, case["credential"][4:], case["text"][-36:-6].encode()) == case["text"]
    else:
        with pytest.raises(Malformed) as refused:
            UnverifiedToken.parse(case["text"])
        assert refused.value.code == "malformed_token"
        assert refused.value.message == "this is not a whole token", "no fault is told from another"


def test_the_vectors_are_many_and_differ() -> None:
    assert len(VECTORS) >= 40
    assert len({case["text"] for case in VECTORS}) == len(VECTORS)
    assert len({case["name"] for case in VECTORS}) == len(VECTORS)
    assert {case["outcome"] for case in VECTORS} == {"accepted", "malformed"}


@given(kinds, st.binary(min_size=8, max_size=8), st.integers(0, 62**7 - 1))
def test_what_is_issued_reads_back_and_proves_its_record(kind: TokenKind, seed: bytes, at: int) -> None:
    issued = issue(kind, Instant(at), Numbered(seed))
    text = issued.reveal()
    token = UnverifiedToken.parse(text)
    assert (token.kind, token.credential_id) == (kind, issued.id)
    assert issued.hash == hashlib.sha256(text.encode()).digest()
    assert re.fullmatch(PATTERN, text)
    assert len(text) == len(f"gp_{kind.value}_") + 46
    assert token.proves(token_record(id=issued.id, kind=kind, hash=issued.hash))


@settings(max_examples=300)
@given(kinds, st.integers(0, 60), st.characters())
def test_no_single_character_can_be_changed(kind: TokenKind, place: int, character: str) -> None:
    text = new(kind).reveal()
    place %= len(text)
    assume(text[place] != character)
    with pytest.raises(Malformed):
        UnverifiedToken.parse(text[:place] + character + text[place + 1 :])


def test_every_single_character_of_base62_in_every_place_is_caught() -> None:
    text = new().reveal()
    for place in range(len(text)):
        for character in ALPHABET + "_":
            if character != text[place]:
                with pytest.raises(Malformed):
                    UnverifiedToken.parse(text[:place] + character + text[place + 1 :])


@given(kinds, st.integers(0, 60), st.sampled_from(["drop", "repeat", "exchange"]))
def test_slips_of_a_copying_hand_are_caught(kind: TokenKind, place: int, slip: str) -> None:
    text = new(kind).reveal()
    place %= len(text) - 1
    here, there = text[place], text[place + 1]
    slipped = {"drop": "", "repeat": here + here, "exchange": there + here}[slip]
    tail = text[place + 2 :] if slip == "exchange" else text[place + 1 :]
    assume(text[:place] + slipped + tail != text)
    with pytest.raises(Malformed):
        UnverifiedToken.parse(text[:place] + slipped + tail)


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=80), st.from_regex(PATTERN), st.from_regex(r"\Agp_(sk|pat|ses)_[0-9A-Za-z]{46}\Z")))
def test_reading_either_succeeds_or_is_malformed(text: str) -> None:
    with suppress(Malformed):
        UnverifiedToken.parse(text)


@given(st.text(max_size=80))
def test_a_refusal_says_one_thing_and_repeats_nothing(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        UnverifiedToken.parse(text)
    assert refused.value.message == "this is not a whole token"
    assert refused.value.details == {}
    assert refused.value.__context__ is None


@given(base62)
def test_a_random_find_of_the_pattern_is_no_token(body: str) -> None:
    """The checksum is what keeps a scanner's false finds away: one in 2**32 passes."""
    with pytest.raises(Malformed):
        UnverifiedToken.parse(f"gp_sk_{body}000000")


class TestProof:
    def test_only_the_whole_token_matches(self) -> None:
        issued, other = new(), new(seed=b"other")
        token = UnverifiedToken.parse(issued.reveal())
        assert token.matches(issued.hash)
        for stored in (other.hash, bytes(32), b"", issued.hash[:-1], issued.hash + b"\0"):
            assert not token.matches(stored)

    def test_the_public_id_with_another_secret_proves_nothing(self) -> None:
        issued = new()
        forged = issue_text(TokenKind.MACHINE, issued.id[4:], b"0" * 30)
        token = UnverifiedToken.parse(forged)
        assert token.credential_id == issued.id
        assert not token.matches(issued.hash)
        assert not token.proves(token_record(id=issued.id, hash=issued.hash))

    def test_a_record_of_another_id_or_kind_is_not_proved(self) -> None:
        issued = new()
        token = UnverifiedToken.parse(issued.reveal())
        record = token_record(id=issued.id, hash=issued.hash)
        assert token.proves(record)
        assert not token.proves(replace(record, id=CredentialId("crd_0000000000")))
        assert not token.proves(replace(record, kind=TokenKind.PERSON))
        assert not token.proves(replace(record, hash=bytes(32)))

    def test_the_kind_is_part_of_what_is_hashed(self) -> None:
        texts = [issue_text(kind, "0" * 10, b"0" * 30) for kind in TokenKind]
        assert len({hashlib.sha256(text.encode()).digest() for text in texts}) == len(TokenKind)

    def test_the_unverified_answers_nothing_about_power(self) -> None:
        public = {name for name in dir(UnverifiedToken) if not name.startswith("_")}
        assert public == {"kind", "credential_id", "parse", "matches", "proves"}

    def test_it_cannot_be_changed_after_reading(self) -> None:
        token = UnverifiedToken.parse(new().reveal())
        with pytest.raises(FrozenInstanceError):
            token.kind = TokenKind.PERSON  # type: ignore[misc]


class TestIssuing:
    def test_no_two_are_alike(self) -> None:
        entropy = Numbered(b"many")
        issued = [issue(TokenKind.MACHINE, AT, entropy) for _ in range(500)]
        assert len({token.reveal() for token in issued}) == 500
        assert len({token.hash for token in issued}) == 500

    @pytest.mark.parametrize(
        ("public", "secret"),
        [
            ("0" * 9, b"0" * 30),
            ("0" * 11, b"0" * 30),
            ("0" * 10, b"0" * 29),
            ("0" * 10, b"0" * 31),
            ("", b"0" * 40),
            ("0" * 9 + "_", b"0" * 30),
            ("0" * 9 + "\u0660", b"0" * 30),
            ("0" * 10, b"0" * 29 + b"\xff"),
            ("0" * 10, b"0" * 29 + b"-"),
            ("0" * 10, b"0" * 29 + b"\n"),
        ],
    )
    def test_what_is_not_base62_of_the_right_length_makes_no_token(self, public: str, secret: bytes) -> None:
        with pytest.raises(ValueError, match="10 and 30 characters"):
            issue_text(TokenKind.MACHINE, public, secret)

    def test_broken_randomness_makes_no_token(self) -> None:
        for broken in (lambda size: b"\xff" * size, lambda _size: b"", lambda size: b"\0" * (size - 1)):
            with pytest.raises(ValueError, match="randomness is broken"):
                issue(TokenKind.MACHINE, AT, broken)


class TestNothingShowsIt:
    def test_printing_and_formatting(self) -> None:
        issued = new()
        read = UnverifiedToken.parse(issued.reveal())
        for it in (issued, read):
            shown = "".join(
                [str(it), repr(it), f"{it}", f"{it!s}", "%s" % it, "%r" % it, str([it]), pretty_repr(it)]  # noqa: UP031
            )
            assert issued.id in shown
            assert issued.reveal()[16:] not in shown
            assert issued.reveal()[20:30] not in shown
            assert issued.hash.hex()[:8] not in shown
            assert repr(issued.hash[:6])[2:-1] not in shown

    @pytest.mark.parametrize(
        "leak",
        [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, vars, lambda it: it.__getstate__()],
    )
    def test_no_serialiser_takes_a_new_token(self, leak: Any) -> None:
        with pytest.raises(TypeError):
            leak(new())

    def test_a_record_shows_no_hash(self) -> None:
        record = token_record(hash=b"SHA-256 of a token, 32 bytes ...")
        assert "SHA-256" not in f"{record} {[record]!r} {pretty_repr(record)}"

    def test_logs_and_tracebacks_with_locals(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        shown = traceback_of(new())
        logging.getLogger("x").warning("%s %r", new(), [new()])
        secret = new().reveal()[16:]
        assert "<issued token crd_" in shown
        assert "<issued token crd_" in caplog.text
        assert secret not in shown + caplog.text


def traceback_of(held: IssuedToken) -> str:
    try:
        raise ValueError(held)  # noqa: TRY301 - the frame is the point
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
