"""DPoP: every vector, what a proof leaves behind, and that it is used once."""

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.dpop_vectors import DOCUMENT, KEY, NOW, OTHER, TOKEN, URL, document, header, made
from tests.keys.randomness import Numbered

from gatepass.access import Instant
from gatepass.credentials.proofs import Proof, ProofFault, ProvenCall, normal, use_once, verify_proof
from gatepass.credentials.proofs.making import make_proof
from gatepass.errors import Error, Unauthenticated, Unavailable
from gatepass.keys.jose import PublicKey

FILE: Any = json.loads(Path(DOCUMENT).read_text())
CASES: list[Any] = FILE["cases"]
CALL = ProvenCall(method="POST", url=URL, at=Instant(NOW * 1000), credential=TOKEN, binding=KEY.public.thumbprint)


def call_of(case: Any) -> ProvenCall:
    said = {**FILE["call"], **{name: case[name] for name in FILE["call"] if name in case}}
    nonces = None if said["nonces"] is None else frozenset(said["nonces"])
    return ProvenCall(
        method=said["method"],
        url=said["url"],
        at=Instant(said["at"]),
        credential=said["credential"],
        binding=said["binding"],
        nonces=nonces,
    )


def outcome(proofs: list[str], call: ProvenCall) -> str:
    try:
        verify_proof(proofs, call)
    except Unauthenticated as error:
        return error.details["fault"]
    return "accept"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_vector_comes_out_as_it_says(case: Any) -> None:
    assert outcome(case["proofs"], call_of(case)) == case["outcome"]


def test_every_fault_has_a_vector_and_every_name_is_its_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) >= 80
    assert {case["outcome"] for case in CASES} == {*map(str, ProofFault), "accept"} - {"replayed", "body"}


def test_the_file_is_what_the_script_writes() -> None:
    assert Path(DOCUMENT).read_text() == document(), "run: python -m scripts.dpop_vectors --write"


RFC_9449 = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQy"
    "VVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiIt"
    "QndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2f"
    "Q.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)


def test_the_proof_of_rfc_9449_section_4_2() -> None:
    call = ProvenCall(method="POST", url="https://server.example.com/token", at=Instant(1562262616000))
    assert verify_proof([RFC_9449], call).thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def test_what_we_make_we_take() -> None:
    made_here = make_proof(
        KEY, method="POST", url=URL + "?q", at=CALL.at, entropy=Numbered(b"jti"), credential=TOKEN, nonce="n"
    )
    found = verify_proof([made_here], replace(CALL, nonces=frozenset({"n"})))
    assert found.thumbprint == KEY.public.thumbprint
    assert found.until == CALL.at + 60_001
    assert found.body is None
    with pytest.raises(ValueError, match="absolute"):
        make_proof(KEY, method="GET", url="/x", at=CALL.at, entropy=Numbered(b"jti"))


def test_only_the_algorithms_that_are_allowed() -> None:
    assert outcome([made()], replace(CALL, algorithms=frozenset({"ES384"}))) == "malformed"


def test_a_key_read_before_need_not_be_read_again() -> None:
    known = {json.dumps(KEY.public.jwk): KEY.public}
    found = verify_proof([made()], CALL, read_key=lambda jwk, *, algorithm: known[json.dumps(jwk)])
    assert found.thumbprint == KEY.public.thumbprint
    with pytest.raises(Unauthenticated, match="not of the key's algorithm"):
        verify_proof(
            [made()],
            CALL,
            read_key=lambda jwk, *, algorithm: PublicKey.parse(
                {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
            ),
        )


def test_codes_say_what_to_do_next() -> None:
    codes = {}
    for name, (proofs, call) in {
        "missing": ([], CALL),
        "nonce": ([made()], replace(CALL, nonces=frozenset({"n"}))),
        "other": ([made(htm="GET")], CALL),
    }.items():
        with pytest.raises(Unauthenticated) as refused:
            verify_proof(proofs, call)
        codes[name] = refused.value.code
    assert codes == {"missing": "proof_missing", "nonce": "proof_nonce", "other": "proof_invalid"}


def test_a_wrong_key_is_told_before_a_wrong_nonce_so_that_a_nonce_is_given_to_nobody_else() -> None:
    assert outcome([made(header(jwk=OTHER.public.jwk), OTHER)], replace(CALL, nonces=frozenset({"n"}))) == "binding"


def test_a_proof_that_names_a_body_is_for_that_body() -> None:
    body = b'{"amount":50}'
    digest = "sha-256=:NUmeUvXtpLqSPtoRiCWsnPsqbvBpWFPvHnQaSwGYMYM=:"
    stated = verify_proof([made(content_digest=digest)], CALL)
    with pytest.raises(Unauthenticated, match="another body"):
        stated.check_body(body)
    replace(stated, body=hashlib.sha256(body).digest()).check_body(body)
    verify_proof([made()], CALL).check_body(b"whatever")


class Uses:
    """Uses, remembered in memory."""

    def __init__(self) -> None:
        self.seen: dict[bytes, Instant] = {}

    async def first(self, use: bytes, until: Instant, /) -> bool:
        return self.seen.setdefault(use, until) is until


class Broken:
    async def first(self, _use: bytes, _until: Instant, /) -> bool:
        raise Unavailable("storage_unavailable", "the store cannot be read")


def test_of_a_hundred_calls_with_one_proof_one_goes_on() -> None:
    store = Uses()

    async def claim() -> bool:
        try:
            await use_once(verify_proof([made()], CALL), store)
        except Unauthenticated as error:
            return error.code != "proof_replayed"
        return True

    async def all_at_once() -> list[bool]:
        return list(await asyncio.gather(*(claim() for _ in range(100))))

    assert asyncio.run(all_at_once()).count(True) == 1
    assert len(store.seen) == 1


def test_a_use_is_of_one_key_so_that_nobody_uses_up_anothers() -> None:
    mine = verify_proof([made()], CALL)
    theirs = verify_proof([made(header(jwk=OTHER.public.jwk), OTHER)], replace(CALL, binding=None))
    assert mine.use != theirs.use
    assert len(mine.use) == 32
    assert verify_proof([made(iat=NOW - 1)], CALL).use == mine.use


def test_a_use_is_remembered_for_as_long_as_the_proof_is_taken() -> None:
    for ahead in (-60, 0, 60):
        proof = verify_proof([made(iat=NOW + ahead)], CALL)
        late = replace(CALL, at=Instant(proof.until - 1))
        assert outcome([made(iat=NOW + ahead)], late) == "accept"
        assert outcome([made(iat=NOW + ahead)], replace(CALL, at=proof.until)) == "time"


def test_a_store_that_cannot_say_lets_nobody_pass() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(use_once(Proof(thumbprint="x", use=b"x", until=CALL.at, issued=CALL.at), Broken()))


@given(st.lists(st.text(max_size=100), max_size=2))
def test_no_header_makes_verifying_raise_anything_else(headers: list[str]) -> None:
    with pytest.raises(Unauthenticated):
        verify_proof(headers, CALL)


@given(st.text(max_size=60))
def test_normalising_is_idempotent_and_raises_one_thing(text: str) -> None:
    for url in (text, "https://a.example/" + text):
        try:
            once = normal(url)
        except ValueError:
            continue
        assert normal(once) == once


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://a.example", "https://a.example/"),
        ("HTTP://A.example:80", "http://a.example/"),
        ("http://a.example:443/", "http://a.example:443/"),
        ("http://a.example:080/", "http://a.example/"),
        ("http://[::1]:8420/x", "http://[::1]:8420/x"),
        ("https://a.example/a/../../b/.", "https://a.example/b/"),
        ("https://a.example/%7euser/%2f%2E", "https://a.example/~user/%2F."),
        ("https://a.example//b", "https://a.example//b"),
        ("https://a.example?q", "https://a.example/"),
    ],
)
def test_normal_forms(url: str, form: str) -> None:
    assert normal(url) == form


def test_an_error_holds_no_part_of_the_proof() -> None:
    text = made(htm="GET")
    with pytest.raises(Error) as refused:
        verify_proof([text], CALL)
    assert not any(part in str(refused.value) for part in text.split("."))
