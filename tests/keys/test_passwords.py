"""Passwords: Argon2id, bounded when a stored text names its own costs, the same work for a name that nobody has."""

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.errors import Malformed
from gatepass.keys import hash_password, needs_rehash, passwords, verify_password

PASSWORD = "correct horse battery"
STORED = hash_password(PASSWORD, Numbered(b"salt"))


def test_the_right_password_and_no_other() -> None:
    assert verify_password(STORED, PASSWORD)
    for wrong in ("", "correct horse batterx", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1]):
        assert not verify_password(STORED, wrong)


def test_what_is_stored_is_the_standard_text_with_our_costs() -> None:
    assert STORED.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in STORED
    Argon2id.verify_phc_encoded(PASSWORD.encode(), STORED)
    assert not needs_rehash(STORED)
    assert hash_password(PASSWORD, Numbered(b"pepper")) != STORED


def test_hashes_made_elsewhere_with_lower_costs_verify_and_ask_to_be_made_anew() -> None:
    cheap = Argon2id(salt=b"0123456789abcdef", length=32, iterations=2, lanes=1, memory_cost=19456)
    stored = cheap.derive_phc_encoded(PASSWORD.encode())
    assert verify_password(stored, PASSWORD)
    assert needs_rehash(stored)


def test_two_spellings_of_one_letter_are_one_password() -> None:
    composed, decomposed = "na\u00efve na\u00efve na\u00efve", "nai\u0308ve nai\u0308ve nai\u0308ve"
    assert verify_password(hash_password(composed, Numbered(b"nfc")), decomposed)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("elevenchars", "a password has at least 12 characters"),
        ("i\u0308" * 11, "a password has at least 12 characters"),
        ("x" * 1025, "a password has at most 1024 bytes of valid text"),
        ("\u20ac" * 400, "a password has at most 1024 bytes of valid text"),
        ("lone \ud800 surrogate", "a password has at most 1024 bytes of valid text"),
    ],
)
def test_passwords_that_are_not_taken(password: str, message: str) -> None:
    with pytest.raises(Malformed) as refused:
        hash_password(password, Numbered(b"salt"))
    assert refused.value.message == message


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stored texts that really were checked, with the real function doing the checking."""
    made: list[str] = []

    class Watched:
        @staticmethod
        def verify_phc_encoded(password: bytes, stored: str) -> None:
            made.append(stored)
            Argon2id.verify_phc_encoded(password, stored)

    monkeypatch.setattr(passwords, "Argon2id", Watched)
    return made


HOSTILE = [
    "$argon2id$v=19$m=4194304,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=65536,t=99,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=65536,t=3,p=9$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=8,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=16$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2i$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$",
    "$argon2id$v=19$m=65536,t=3,p=4$$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$2b$12$abcdefghijklmnopqrstuv",
    PASSWORD,
    "",
    STORED + "\n",
    STORED + "$",
]


@pytest.mark.parametrize("stored", HOSTILE)
def test_a_stored_text_never_says_what_its_check_may_cost(checks: list[str], stored: str) -> None:
    assert not verify_password(stored, PASSWORD)
    assert checks == [passwords._NOBODY]
    assert needs_rehash(stored)


def test_a_name_that_nobody_has_costs_one_real_check(checks: list[str]) -> None:
    assert not verify_password(None, PASSWORD)
    assert not verify_password(STORED, "wrong")
    assert not verify_password(STORED, "x" * 5000)
    assert checks == [passwords._NOBODY, STORED, passwords._NOBODY]
    assert passwords._costs(passwords._NOBODY) == passwords._costs(STORED)


def test_nobody_has_no_password() -> None:
    assert not verify_password(passwords._NOBODY, "")
    assert not verify_password(None, "")


@settings(max_examples=8)
@given(st.text(max_size=40), st.text(max_size=40))
def test_verifying_never_raises(stored: str, password: str) -> None:
    assert not verify_password(stored, password)
