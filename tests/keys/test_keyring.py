"""The key file: read strictly, written in one way, never repeated in an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant
from gatepass.errors import Conflict, Malformed, Unavailable
from gatepass.keys import Keyring, LiveKeyring
from gatepass.keys.keyring import KeyEncryptionKey

AT = Instant(1_763_820_000_000)


def ring(rotations: int = 0) -> Keyring:
    keyring = Keyring.create(AT, Numbered(b"ring"))
    for number in range(rotations):
        keyring = keyring.rotate(Instant(AT + number + 1), Numbered(b"rotation %d" % number))
    return keyring


def ids(keyring: Keyring) -> list[str]:
    return [key.id for key in (keyring.current, *keyring.retired)]


@pytest.mark.parametrize("rotations", [0, 1, 5, 63])
def test_writing_and_reading_are_inverse(rotations: int) -> None:
    text = ring(rotations).write()
    again = Keyring.parse(text)
    assert again.write() == text
    assert ids(again) == ids(ring(rotations))
    assert [key.created for key in (again.current, *again.retired)] == [AT + n for n in range(rotations, -1, -1)]


def test_the_text_is_the_documented_one() -> None:
    keyring = Keyring(KeyEncryptionKey(bytes(range(32)), AT))
    assert keyring.write() == (
        "gatepass-keyring/1\ncurrent kek_b15259a7fefa5a90 1763820000000 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n"
    )


def test_one_line_for_an_environment_variable() -> None:
    text = ring(2).write()
    assert ids(Keyring.parse(text.strip().replace("\n", ";"))) == ids(ring(2))


def test_comments_blank_lines_and_windows_line_ends_are_read() -> None:
    header, *keys = ring(1).write().splitlines()
    text = "\r\n".join([header, "# made on a tuesday; keep it safe", "", *(f"  {key} " for key in keys), ""])
    assert ids(Keyring.parse(text)) == ids(ring(1))


def test_malformed_key_files_name_the_line_and_repeat_nothing() -> None:
    header, current, retired = ring(1).write().splitlines()
    state, name, created, key = current.split()
    other = "A" if key[5] != "A" else "B"
    mistyped = key[:5] + other + key[6:]
    alias = (
        key[:-1]
        + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(key[-1]) | 1
        ]
    )
    shape = "expected a state, a key id, an instant and a key"
    expected = {
        "": "key file line 1: expected `gatepass-keyring/1`",
        "gatepass-keyring/2\n" + current: "key file line 1: expected `gatepass-keyring/1`",
        header: "key file: expected one current key, found 0",
        f"{header}\n{retired}": "key file: expected one current key, found 0",
        f"{header}\n{current}\n{current}": "key file: expected one current key, found 2",
        f"{header}\n{current}\n{retired}\n{retired}": "key file: a keyring holds each key once",
        f"{header}\n{current}\nretired {name} {created} {key}": "key file: a keyring holds each key once",
        f"{header}\n{current}\n{key}": f"key file line 3: {shape}",
        f"{header}\n{state} {name} {created} {key}=": f"key file line 2: {shape}",
        f"{header}\n{state} {name} 01 {key}": f"key file line 2: {shape}",
        f"{header}\nbroken {name} {created} {key}": f"key file line 2: {shape}",
        f"{header}\n{state} {name} {created} {mistyped}": "key file line 2: the key does not match its id",
        f"{header}\n{state} {name} {created} {alias}": "key file line 2: the key does not match its id",
        f"{header}\n{state} kek_0000000000000000 {created} {key}": "key file line 2: the key does not match its id",
        "x" * 70_000: "key file: longer than any key file is",
    }
    for text, message in expected.items():
        with pytest.raises(Malformed) as refused:
            Keyring.parse(text)
        assert (refused.value.code, refused.value.message) == ("malformed_config", message)
        assert key[:10] not in refused.value.message + refused.value.hint


@given(st.text(max_size=300))
def test_reading_never_raises_anything_else(text: str) -> None:
    for candidate in (text, "gatepass-keyring/1\n" + text):
        with pytest.raises(Malformed):
            Keyring.parse(candidate)


def test_a_rotation_keeps_the_old_keys_for_opening() -> None:
    before = ring()
    after = before.rotate(Instant(AT + 5), Numbered(b"new"))
    assert after.current.id != before.current.id
    assert [key.id for key in after.retired] == [before.current.id]
    assert after.find(before.current.id) is not None
    assert ids(before) == [before.current.id], "a keyring never changes"


def test_the_current_key_cannot_be_dropped_and_a_stranger_is_named() -> None:
    keyring = ring(1)
    for name in (keyring.current.id, "kek_0000000000000000"):
        with pytest.raises(Conflict) as refused:
            keyring.without(name)
        assert refused.value.message == f"`{name}` is not a retired key of this key file"
    assert keyring.without(keyring.retired[0].id).retired == ()


def test_a_keyring_is_bounded() -> None:
    with pytest.raises(Conflict, match="already holds 64 keys"):
        ring(63).rotate(AT, Numbered(b"one more"))


def test_what_is_derived_for_one_purpose_is_for_that_purpose_alone() -> None:
    key, other = ring().current, ring(1).current
    derived = {key.derive("a"), key.derive("b"), key.derive(""), other.derive("a")}
    assert len(derived) == 4
    assert key.derive("a") == ring().current.derive("a")


def test_a_key_is_whole_or_is_not_made() -> None:
    for size in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            KeyEncryptionKey(bytes(size), AT)
    with pytest.raises(ValueError, match="another number of bytes"):
        Keyring.create(AT, lambda size: bytes(size - 1))


class TestLive:
    def test_a_change_is_saved_before_it_is_used(self) -> None:
        saved: list[str] = []
        live = LiveKeyring(ring(), lambda keyring: saved.append(keyring.write() + live().current.id))
        first = live().current.id
        second = live.rotate(AT, Numbered(b"second"))
        assert live().current.id == second != first
        assert saved[0] == live().write() + first, "while it was being saved, the old one was still in use"
        live.drop(first)
        assert live().retired == ()
        assert saved[1] == live().write() + second

    def test_what_cannot_be_saved_does_not_happen(self) -> None:
        def full(_: Keyring) -> None:
            raise Unavailable("storage_unavailable", "no room")

        live = LiveKeyring(ring(1), full)
        before = live()
        for change in (
            lambda: live.rotate(AT, Numbered(b"second")),
            lambda: live.drop(before.retired[0].id),
        ):
            with pytest.raises(Unavailable):
                change()
            assert live() is before
