"""An authority that is kept says what was written, and nothing where that cannot be read."""

import pytest

from gatepass import exact
from gatepass.access import Access, Action, ActionClass, Context, CredentialId, Instant, Resource, Subject
from gatepass.authority import Authority, Permission, authority_to_json, covers, kept_authority, meet, permits

ORDER = Access(
    Subject(CredentialId("crd_a")), Action("get", ActionClass.READ), Resource("orders", ("1",)), Context(Instant(1))
)


def written(authority: Authority) -> str:
    return exact.write(authority_to_json(authority)).decode()


def test_what_is_kept_is_what_was_written() -> None:
    meant = Authority.of(Permission.parse("orders:get:1"), Permission.parse("orders:list"))
    kept = kept_authority(written(meant))
    assert kept == meant
    assert meant == kept
    assert hash(kept) == hash(meant)
    assert kept == kept_authority(written(meant))
    assert kept != Authority.of(Permission.parse("orders:get:1"))
    assert permits(kept_authority(written(meant)), ORDER).permitted
    assert covers(kept, meant)
    assert covers(meant, kept)
    assert meet(kept, meant) == meant
    assert written(kept_authority(written(meant))) == written(meant)


@pytest.mark.parametrize("text", ["", "x", "null", '{"grants":[],"grants":[]}', '{"grants":[{"scope":1}]}', "[" * 100])
def test_what_cannot_be_read_permits_nothing(text: str) -> None:
    kept = kept_authority(text)
    assert not permits(kept, ORDER).permitted
    assert kept.grants == ()
    assert len(kept.unread) == 1


def test_it_equals_nothing_else() -> None:
    nothing: object = "nothing"
    assert kept_authority('{"grants":[]}') != nothing
    assert kept_authority('{"grants":[]}') == Authority()
