"""Rotation changes the secret and nothing else; a dead token stays dead."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credentials.records import DAY, HOUR, ISSUED, token_record
from tests.keys.randomness import Numbered

from gatepass.access import CredentialId, Instant, PersonId
from gatepass.credentials import (
    IssuedToken,
    Life,
    Rotation,
    TokenKind,
    TokenRecord,
    issue,
    line,
    refusal,
    revoke,
    rotate,
)
from gatepass.credentials.rotation import LONGEST_OVERLAP
from gatepass.errors import Conflict, Malformed

GRACE = PersonId("per_grace")
entropy = Numbered(b"rotation")


def later(milliseconds: int) -> Instant:
    return Instant(ISSUED + milliseconds)


def fresh(kind: TokenKind = TokenKind.MACHINE) -> IssuedToken:
    return issue(kind, later(HOUR), entropy)


def turned(record: TokenRecord, at: int = HOUR, overlap: int = 0, renewed: Life | None = None) -> Rotation:
    return rotate(record, fresh(record.kind), at=later(at), by=GRACE, overlap=overlap, renewed=renewed)


class TestRefusal:
    def test_a_token_is_honoured_until_its_end_and_not_at_it(self) -> None:
        record = token_record()
        assert refusal(record, later(0)) is None
        assert refusal(record, later(DAY - 1)) is None
        for at in (DAY, DAY + 1, 400 * DAY):
            veto = refusal(record, later(at))
            assert veto is not None
            assert (veto.code, veto.detail) == ("credential_invalid", "the token has expired")

    def test_a_revoked_token_is_refused_at_every_instant(self) -> None:
        record = revoke(token_record(), at=later(HOUR), because="leaked")
        for at in (0, HOUR - 1, HOUR, DAY):
            veto = refusal(record, later(at))
            assert veto is not None
            assert veto.detail == "the token was revoked"

    def test_a_replaced_token_retires_when_the_overlap_is_over(self) -> None:
        old = turned(token_record(), overlap=HOUR).old
        assert refusal(old, later(2 * HOUR - 1)) is None
        veto = refusal(old, later(2 * HOUR))
        assert veto is not None
        assert veto.detail == "the token was replaced by rotation, and the overlap is over"

    @given(st.integers(-DAY, 3 * DAY), st.integers(0, 2 * DAY), st.integers(0, 2 * DAY), st.booleans())
    def test_refused_exactly_when_dead(self, at: int, expires: int, retires: int, revoked: bool) -> None:  # noqa: FBT001
        record = token_record(expires=later(expires), retires=later(retires), revoked=later(0) if revoked else None)
        assert (refusal(record, later(at)) is None) == (not revoked and at < expires and at < retires)


class TestRotation:
    def test_the_new_one_differs_in_what_it_has_to_and_in_nothing_else(self) -> None:
        record = token_record(
            purpose="nightly report",
            run="run_1",
            parent=CredentialId("crd_parent"),
            ancestors=(CredentialId("crd_parent"), CredentialId("crd_root")),
            latest=later(2 * DAY),
        )
        new = turned(record, overlap=HOUR).new
        changed = {field.name for field in fields(new) if getattr(new, field.name) != getattr(record, field.name)}
        assert changed == {"id", "hash", "issued", "issuer", "replaces"}
        assert new.issued == later(HOUR)
        assert new.issuer == GRACE
        assert new.replaces == record.id

    def test_the_old_one_changes_in_what_it_has_to_and_in_nothing_else(self) -> None:
        record = token_record()
        rotation = turned(record, overlap=HOUR)
        assert rotation.old == replace(record, replaced_by=rotation.new.id, retires=later(2 * HOUR))

    def test_in_the_overlap_both_work_and_afterwards_one(self) -> None:
        rotation = turned(token_record(), overlap=HOUR)
        for at, honoured in ((HOUR, 2), (2 * HOUR - 1, 2), (2 * HOUR, 1), (DAY, 0)):
            both = [refusal(record, later(at)) for record in (rotation.old, rotation.new)]
            assert both.count(None) == honoured, at
        assert refusal(rotation.new, later(2 * HOUR)) is None

    def test_without_an_overlap_the_old_one_is_refused_at_once(self) -> None:
        rotation = turned(token_record())
        assert refusal(rotation.old, later(HOUR)) is not None
        assert refusal(rotation.new, later(HOUR)) is None

    def test_rotating_never_lengthens_a_life(self) -> None:
        record = token_record()
        for _ in range(20):
            rotation = turned(record, at=DAY - 1, overlap=LONGEST_OVERLAP)
            assert rotation.new.expires == record.expires
            assert rotation.old.retires == record.expires, "the overlap ends with the old token's own life"
            record = rotation.new

    def test_a_renewal_has_the_end_that_was_allowed(self) -> None:
        new = turned(token_record(), renewed=Life(later(3 * DAY), later(4 * DAY))).new
        assert new.expires == later(3 * DAY)
        assert new.latest == later(4 * DAY)

    def test_every_rotation_draws_on_the_meters_of_the_first(self) -> None:
        record = token_record()
        for _ in range(5):
            record = turned(record).new
            assert record.meters == CredentialId("crd_0000000001") != record.id

    @pytest.mark.parametrize("overlap", [-1, LONGEST_OVERLAP + 1, 10**18])
    def test_an_overlap_is_bounded(self, overlap: int) -> None:
        with pytest.raises(Malformed) as refused:
            turned(token_record(), overlap=overlap)
        assert refused.value.message == "an overlap is 0 to 86400 seconds"

    def test_the_dead_are_not_rotated(self) -> None:
        dead = {
            "the token was revoked": revoke(token_record(), at=later(0), because="x"),
            "the token has expired": token_record(expires=later(HOUR)),
            "the token was replaced by rotation, and the overlap is over": turned(token_record()).old,
        }
        for why, record in dead.items():
            with pytest.raises(Conflict) as refused:
                turned(record)
            assert refused.value.message == f"`crd_0000000001` cannot be rotated: {why}"
            assert refused.value.hint == "Create a new token."

    def test_nothing_is_rotated_twice(self) -> None:
        rotation = turned(token_record(), overlap=HOUR)
        with pytest.raises(Conflict) as refused:
            turned(rotation.old)
        assert refused.value.message == "`crd_0000000001` was rotated already"
        assert refused.value.hint == f"Rotate `{rotation.new.id}`."
        assert turned(rotation.new, at=HOUR + 1).new.replaces == rotation.new.id

    def test_a_token_keeps_its_kind_and_a_session_is_not_rotated(self) -> None:
        for record, kind in (
            (token_record(), TokenKind.PERSON),
            (token_record(kind=TokenKind.PERSON, agent=None), TokenKind.MACHINE),
            (token_record(kind=TokenKind.SESSION, agent=None), TokenKind.SESSION),
        ):
            with pytest.raises(Malformed):
                rotate(record, fresh(kind), at=later(HOUR), by=GRACE)

    def test_a_token_does_not_take_over_from_itself(self) -> None:
        token = fresh()
        for record in (token_record(id=token.id), token_record(hash=token.hash)):
            with pytest.raises(Conflict):
                rotate(record, token, at=later(HOUR), by=GRACE)


class TestRevoking:
    def test_the_first_revocation_counts(self) -> None:
        first = revoke(token_record(), at=later(1), because="leaked")
        assert (first.revoked, first.revoked_because) == (later(1), "leaked")
        assert revoke(first, at=later(2), because="again") == first

    def test_a_reason_is_a_line_of_bounded_length(self) -> None:
        record = revoke(token_record(), at=later(1), because="line\r\nforged: entry\x00\u202e" + "x" * 1000)
        assert record.revoked_because is not None
        assert record.revoked_because.startswith("line  forged: entry  x")
        assert len(record.revoked_because) == 200

    def test_what_replaced_it_lives_on(self) -> None:
        rotation = turned(token_record(), overlap=HOUR)
        revoke(rotation.old, at=later(HOUR), because="leaked")
        assert refusal(rotation.new, later(HOUR)) is None

    def test_revoking_the_newest_reaches_every_secret_of_its_line(self) -> None:
        records = [token_record()]
        for _ in range(3):
            rotation = turned(records.pop(), overlap=HOUR)
            records += [rotation.old, rotation.new]
        known = {record.id: record for record in records}
        assert [record.id for record in line(records[-1], known.get)] == [record.id for record in reversed(records)]
        assert line(records[0], known.get) == (records[0],)

    def test_a_line_ends_where_the_records_do_not_agree(self) -> None:
        stranger = token_record(id=CredentialId("crd_stranger00"))
        claims = token_record(id=CredentialId("crd_claims0000"), replaces=stranger.id)
        assert line(claims, {stranger.id: stranger}.get) == (claims,)
        assert line(claims, lambda _: None) == (claims,)

    def test_a_circle_of_records_is_walked_once(self) -> None:
        one = token_record(replaces=CredentialId("crd_2"), replaced_by=CredentialId("crd_2"))
        two = token_record(id=CredentialId("crd_2"), replaces=one.id, replaced_by=one.id)
        assert line(one, {one.id: one, two.id: two}.get) == (one, two)
