"""Signed texts: one reading, one key, one algorithm."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.errors import Error, Malformed, Unauthenticated
from gatepass.keys.jose import HeaderRule, PublicKey, UnverifiedJws
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.fixed import FixedJws, header_segment
from gatepass.keys.jose.signing import HolderKey, sign

KEY = HolderKey.generate(Numbered(b"holder"))
OTHER = HolderKey.generate(Numbered(b"other"))
OURS = HeaderRule(types=frozenset({"at+jwt"}), algorithms=frozenset({"ES256"}))
FOREIGN = HeaderRule(types=frozenset({"JWT", None}), algorithms=frozenset({"ES256", "RS256"}), others_ignored=True)


def made(header: Any, payload: bytes = b'{"sub":"agt_1"}', key: HolderKey = KEY) -> str:
    text = header if isinstance(header, str) else json.dumps(header)
    return sign(encode(text.encode()), payload, key)


def read(text: str, rule: HeaderRule = OURS, key: PublicKey = KEY.public) -> Any:
    return UnverifiedJws.parse(text, rule).claims_verified_by(key)


GOOD = {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}


def test_what_was_signed_is_read_back() -> None:
    assert read(made(GOOD)) == {"sub": "agt_1"}
    assert UnverifiedJws.parse(made(GOOD), OURS).key_id == "k1"
    assert read(made({"alg": "ES256"}), FOREIGN) == {"sub": "agt_1"}
    assert read(made({"alg": "ES256", "x5t": "ab"}), FOREIGN) == {"sub": "agt_1"}


@pytest.mark.parametrize(
    "header",
    [
        {**GOOD, "alg": "none"},
        {**GOOD, "alg": "None"},
        {**GOOD, "alg": "HS256"},
        {**GOOD, "alg": "ES384"},
        {**GOOD, "alg": ["ES256"]},
        {**GOOD, "alg": None},
        {"kid": "k1", "typ": "at+jwt"},
        {"alg": "ES256", "kid": "k1"},
        {**GOOD, "typ": "JWT"},
        {**GOOD, "typ": "AT+JWT"},
        {**GOOD, "typ": None},
        {**GOOD, "typ": ["at+jwt"]},
        {**GOOD, "kid": 7},
        {**GOOD, "kid": ""},
        {**GOOD, "kid": "k" * 257},
        {**GOOD, "jku": "https://evil.example/keys"},
        {**GOOD, "x5u": "https://evil.example/keys"},
        {**GOOD, "x5c": []},
        {**GOOD, "jwk": KEY.public.jwk},
        {**GOOD, "crit": ["exp"]},
        {**GOOD, "b64": False},
        {**GOOD, "zip": "DEF"},
        {**GOOD, "colour": "blue"},
        [],
        "ES256",
        '{"alg":"ES256","alg":"none","kid":"k1","typ":"at+jwt"}',
        '{"alg":"none","alg":"ES256","kid":"k1","typ":"at+jwt"}',
        "{",
        '\ufeff{"alg":"ES256","kid":"k1","typ":"at+jwt"}',
    ],
    ids=str,
)
def test_a_header_that_says_anything_else_is_refused_before_any_key(header: Any) -> None:
    with pytest.raises(Malformed) as refused:
        UnverifiedJws.parse(made(header), OURS)
    assert refused.value.code == "malformed_jws"


@pytest.mark.parametrize("name", ["jku", "x5u", "x5c", "crit", "b64", "zip", "jwk", "enc"])
def test_where_others_are_ignored_what_chooses_a_key_or_a_meaning_is_still_refused(name: str) -> None:
    with pytest.raises(Malformed, match="of its own"):
        UnverifiedJws.parse(made({"alg": "ES256", name: "x"}), FOREIGN)


def test_a_type_may_be_left_out_only_where_the_rule_says_so_and_is_never_null_or_empty() -> None:
    for typ in (None, ""):
        with pytest.raises(Malformed):
            UnverifiedJws.parse(made({"alg": "ES256", "typ": typ}), FOREIGN)


ALIASES: list[Callable[[str], str]] = [
    lambda text: text + "=",
    lambda text: text.replace(".", "=.", 1),
    lambda text: text + "\n",
    lambda text: " " + text,
    lambda text: text.replace("-", "+").replace("_", "/") + "+",
    lambda text: text[:-1] + chr(ord(text[-1]) + 1) if text[-1] in "AQgw" else text[:-1] + "\u0410",
    lambda text: text + ".",
    lambda text: text + ".e30",
    lambda text: "." + text,
    lambda text: text.rpartition(".")[0],
    lambda text: text.rpartition(".")[0] + ".",
    lambda text: text.replace(".", "..", 1),
    lambda text: text[:9] + "\0" + text[9:],
    lambda text: json.dumps({"payload": text.split(".")[1], "protected": text.split(".")[0]}),
    lambda text: "",
]


@pytest.mark.parametrize("number", range(len(ALIASES)))
def test_another_text_of_the_same_bytes_is_no_text_of_ours(number: int) -> None:
    text = ALIASES[number](made(GOOD))
    with pytest.raises(Malformed):
        read(text)
    try:
        taken_apart = FixedJws(text, 8192)
    except Malformed:
        return
    assert taken_apart.header != encode(json.dumps(GOOD).encode())


@pytest.mark.parametrize("rule", [OURS, FOREIGN])
def test_too_long_is_refused_unread(rule: HeaderRule) -> None:
    with pytest.raises(Malformed, match="more than 8192"):
        UnverifiedJws.parse(made(GOOD, b"x" * 8192), rule)
    with pytest.raises(Malformed, match="too long"):
        UnverifiedJws.parse(".".join((*made(GOOD).split(".")[:2], "A" * 1372)), rule)


def test_another_key_another_algorithm_and_a_changed_payload_are_refused() -> None:
    text = made(GOOD)
    with pytest.raises(Unauthenticated, match="not the key's"):
        read(text, key=OTHER.public)
    head, _, signature = text.split(".")
    with pytest.raises(Unauthenticated):
        read(f"{head}.{encode(b'{}')}.{signature}")
    edwards = PublicKey.parse({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    with pytest.raises(Unauthenticated, match="algorithm"):
        read(text, key=edwards)


def test_an_rsa_key_verifies_what_it_is_for_and_nothing_else() -> None:
    private = rsa.generate_private_key(65537, 2048)
    numbers = private.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": encode(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    signed = ".".join((encode(b'{"alg":"RS256"}'), encode(b"{}")))
    text = f"{signed}.{encode(private.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"
    assert read(text, FOREIGN, PublicKey.parse(jwk, algorithm="RS256")) == {}
    with pytest.raises(Unauthenticated, match="algorithm"):
        read(text, FOREIGN, PublicKey.parse(jwk, algorithm="PS256"))


@pytest.mark.parametrize("payload", [b'{"a":1,"a":2}', b"[]", b"", b'{"a":NaN}', b"\xff", b'"x"'])
def test_a_payload_has_one_reading(payload: bytes) -> None:
    with pytest.raises(Malformed):
        read(made(GOOD, payload))


@given(st.text(max_size=200))
def test_no_text_makes_reading_raise_anything_else(text: str) -> None:
    for candidate in (text, f"{text}.{text}.{text}", made(GOOD)[: len(text)] + text):
        with pytest.raises(Error):
            read(candidate)


@given(st.binary(max_size=64))
def test_bytes_have_one_text(data: bytes) -> None:
    text = encode(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert decode(text) == data


@given(st.text("ABQgw-_+/=\n é", max_size=12))
def test_a_text_that_is_read_is_the_one_that_is_written(text: str) -> None:
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data) == text


@pytest.mark.parametrize("text", ["A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "+A", "/w", "é", "AA.A", "AAAAA"])
def test_texts_with_bits_or_characters_to_spare_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        decode(text)


class TestFixed:
    HEADER = header_segment("at+jwt", "k1")

    def test_the_header_is_canonical(self) -> None:
        assert decode(self.HEADER) == b'{"alg":"ES256","kid":"k1","typ":"at+jwt"}'
        assert decode(header_segment("x")) == b'{"alg":"ES256","typ":"x"}'

    def test_what_was_signed_verifies_with_its_key_alone(self) -> None:
        text = FixedJws(sign(self.HEADER, b"{}", KEY), 1000)
        assert text.header == self.HEADER
        assert text.verified_by(KEY.public) == b"{}"
        assert text.verified_by(OTHER.public) is None
        assert repr(text) == "<signed text, not verified>"

    def test_the_other_signature_that_anybody_can_make_does_not_verify(self) -> None:
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        for number in range(8):
            text = sign(self.HEADER, b"%d" % number, KEY)
            signed, _, last = text.rpartition(".")
            signature = decode(last)
            twin = signature[:32] + (order - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
            assert FixedJws(text, 1000).verified_by(KEY.public) is not None
            assert FixedJws(f"{signed}.{encode(twin)}", 1000).verified_by(KEY.public) is None

    def test_no_character_can_be_changed(self) -> None:
        text = sign(self.HEADER, b"{}", KEY)
        for place in range(len(text)):
            changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
            try:
                found = FixedJws(changed, 1000)
            except Malformed:
                continue
            assert found.verified_by(KEY.public) is None, place
