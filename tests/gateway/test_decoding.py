"""Content codings undone in bounded pieces; what cannot be undone is refused."""

import gzip
import os
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.forwarding.decoding import PIECE, Decoder, decoder_for
from gatepass.gateway.forwarding.headers import answer_headers, check_framing, request_headers
from gatepass.gateway.forwarding.redaction import Redactor


def raw_deflate(text: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezed.compress(text) + squeezed.flush()


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "twice": ("gzip, deflate", lambda text: zlib.compress(gzip.compress(text))),
    "members": ("gzip", lambda text: gzip.compress(text[:7]) + gzip.compress(text[7:])),
    "none": ("identity", bytes),
}


def decoded(decoder: Decoder, pieces: list[bytes]) -> bytes:
    text = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.finish()
    return text


@given(
    text=st.binary(max_size=400),
    repeat=st.sampled_from([1, 1, 900]),
    way=st.sampled_from(sorted(WAYS)),
    size=st.integers(1, 50),
)
def test_what_was_squeezed_comes_out_whatever_the_pieces(text: bytes, repeat: int, way: str, size: int) -> None:
    coding, squeeze = WAYS[way]
    text *= repeat
    came = squeeze(text)
    pieces = [came[at : at + size] for at in range(0, len(came), size)]
    assert decoded(decoder_for(((b"content-encoding", coding.encode()),)), pieces) == text


def test_pieces_are_bounded_however_much_a_piece_grows() -> None:
    decoder = Decoder(("gzip",))
    sizes = [len(part) for part in decoder.feed(gzip.compress(bytes(1 << 20)))]
    assert sum(sizes) == 1 << 20
    assert max(sizes) <= PIECE


@pytest.mark.parametrize("codings", [("gzip",), ("deflate",), ("gzip", "gzip")])
def test_a_bomb_is_given_up(codings: tuple[str, ...]) -> None:
    bomb = bytes(64 << 20)
    for coding in codings:
        bomb = gzip.compress(bomb) if coding == "gzip" else zlib.compress(bomb)
    with pytest.raises(UpstreamFailed, match="out of all proportion"):
        decoded(Decoder(codings), [bomb])


@pytest.mark.parametrize(
    ("coding", "came"),
    [
        ("gzip", b"not gzip at all"),
        ("gzip", gzip.compress(b"x" * 999)[:-5]),
        ("gzip", gzip.compress(b"x") + b"and more"),
        ("gzip", gzip.compress(b"x")[:-1] + b"\1"),
        ("deflate", zlib.compress(b"x" * 999)[:-5]),
        ("deflate", zlib.compress(b"x") + b"and more"),
        ("deflate", os.urandom(50)),
        ("gzip, gzip", gzip.compress(b"only once")),
    ],
    ids=["no gzip", "gzip cut", "gzip and more", "gzip, wrong sum", "deflate cut", "deflate and more", "noise", "once"],
)
def test_what_is_not_in_the_coding_that_it_states_is_refused(coding: str, came: bytes) -> None:
    with pytest.raises(UpstreamFailed) as refusal:
        decoded(decoder_for(((b"content-encoding", coding.encode()),)), [came])
    assert refusal.value.code == "upstream_garbled"


@pytest.mark.parametrize(
    "headers",
    [
        ((b"content-encoding", b"br"),),
        ((b"content-encoding", b"zstd"),),
        ((b"content-encoding", b"compress"),),
        ((b"content-encoding", b"gzip, br"),),
        ((b"content-encoding", b"gzip, gzip, gzip"),),
        ((b"content-encoding", b"gzip"), (b"content-encoding", b"deflate")),
        ((b"content-type", b"text/plain; charset=utf-16"),),
        ((b"content-type", b"text/plain;charset=UTF-7"),),
        ((b"content-type", b'text/html; x=y; CharSet="utf-32le"'),),
        ((b"content-type", b"text/html; charset=cp037"),),
        ((b"content-type", b"text/html; charset=utf-8; charset=utf-7"),),
        ((b"content-type", b"text/html"), (b"content-type", b"text/plain")),
    ],
)
def test_answers_that_redaction_could_not_read_are_refused(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(UpstreamFailed) as refusal:
        decoder_for(headers)
    assert refusal.value.code == "upstream_garbled"


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"text/html; charset=utf-8", b'text/plain; charset="ISO-8859-15"', b"image/png", b""],
)
def test_usual_content_types_pass(content_type: bytes) -> None:
    assert decoder_for(((b"content-type", content_type),)).idle


# -- headers


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ((), 0),
        (((b"content-length", b"0"),), 0),
        (((b"content-length", b"12"),), 12),
        (((b"transfer-encoding", b"chunked"),), None),
    ],
)
def test_framing_that_can_be_read_in_one_way(headers: tuple[tuple[bytes, bytes], ...], length: int | None) -> None:
    assert check_framing(headers) == length


@pytest.mark.parametrize(
    "headers",
    [
        ((b"content-length", b"1"), (b"content-length", b"1")),
        ((b"content-length", b"1"), (b"transfer-encoding", b"chunked")),
        ((b"content-length", b"0"), (b"transfer-encoding", b"chunked")),
        ((b"content-length", b"+1"),),
        ((b"content-length", b"-1"),),
        ((b"content-length", b"1, 1"),),
        ((b"content-length", b"0x1"),),
        ((b"content-length", b" 1"),),
        ((b"content-length", b""),),
        ((b"content-length", b"9" * 19),),
        ((b"transfer-encoding", b"gzip, chunked"),),
        ((b"transfer-encoding", b"Chunked"),),
        ((b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity")),
    ],
)
def test_framing_that_two_readers_could_disagree_about(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(Malformed):
        check_framing(headers)


names = st.sampled_from(
    b"accept authorization cookie host range content-length transfer-encoding x-forwarded-for if-match user-agent "
    b"connection proxy-authorization te upgrade dpop gatepass-run accept-encoding x-evil "
    b"set-cookie www-authenticate etag".split()
)


@given(
    st.lists(
        st.tuples(names, st.sampled_from([b"a", b"", b"close, if-match", b"\xff", b"a\rb", b"x" * 50])), max_size=8
    )
)
def test_only_what_is_on_the_list_crosses_whatever_is_sent(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        crossed = request_headers(tuple(headers))
    except Malformed:
        return
    assert {name for name, _ in crossed} <= {b"accept", b"if-match", b"user-agent", b"accept-encoding"}
    assert crossed.count((b"accept-encoding", b"identity")) == 1
    assert sum(name == b"accept-encoding" for name, _ in crossed) == 1
    assert all(value.isascii() and b"\r" not in value for _, value in crossed)


def test_a_header_whose_name_or_value_holds_the_secret() -> None:
    key = b"x-secret-key-0123456789"
    redactor = Redactor((key,))
    link = b"<https://a/?k=" + key + b">"
    headers = (
        (b"etag", b'"' + key + b'"'),
        (key, b"1"),
        (b"link", link),
        (b"x\x00y", b"1"),
        (b"ok", b"\n"),
    )
    crossed = answer_headers(headers, redactor)
    assert crossed[:2] == ((b"etag", b'"' + b"*" * 23 + b'"'), (b"link", b"<https://a/?k=" + b"*" * 23 + b">"))
    assert [name for name, _ in crossed[2:]] == [b"content-security-policy", b"x-content-type-options"]
