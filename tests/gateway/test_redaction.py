"""Redaction: no spelling of the secret leaves, however it is cut; everything else leaves untouched."""

import base64
import json
import pickle
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gatepass.gateway.forwarding.redaction import Redactor, Redactors

KEY = b"sk_live_51Habc+DEF/ghi=JKL"

printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=48)
secrets = printable.filter(lambda text: len(set(text)) >= 6).map(str.encode)
around = st.binary(max_size=60)


def percent(secret: bytes, marks: list[int]) -> bytes:
    """Each character plain, encoded, or encoded twice, in either case."""
    spelled = b""
    for place, byte in enumerate(secret):
        mark = marks[place % len(marks)]
        must = byte in b"%&\\+"
        spelled += (
            [bytes((byte,)), b"%%%02X" % byte, b"%%%02x" % byte, b"%%25%02X" % byte, b"%%25%02x" % byte][mark]
            if mark or not must
            else b"%%%02X" % byte
        )
    return spelled


def jsonish(secret: bytes, marks: list[int]) -> bytes:
    """Each character as JSON may write it: plain, `\\uXXXX` in either case, with `/` escaped or not."""
    spelled = ""
    for place, byte in enumerate(secret):
        mark = marks[place % len(marks)] % 4
        character = chr(byte)
        plain = json.dumps(character)[1:-1]
        spelled += [plain, f"\\u{byte:04x}", f"\\u{byte:04X}", "\\/" if character == "/" else plain][mark]
    return spelled.encode()


def in_base64(secret: bytes, before: bytes, after: bytes, *, url: bool) -> bytes:
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    return encode(before + secret + after)


def carries(text: bytes, secret: bytes) -> bool:
    """An independent judge: does the text, read in any of the usual ways, still hold the secret?"""
    readings = {text}
    for _ in range(3):
        for reading in tuple(readings):
            readings.add(urllib.parse.unquote_to_bytes(reading))
            with suppress(ValueError):
                readings.add(json.loads(b'"' + reading + b'"', strict=False).encode())
    for reading in readings:
        if secret in reading or secret.hex().encode() in reading.lower():
            return True
        for start in range(4):
            body = reading[start:]
            for altchars in (b"+/", b"-_"):
                clean = body[: len(body) // 4 * 4]
                try:
                    if secret in base64.b64decode(clean, altchars=altchars):
                        return True
                except ValueError:
                    continue
    return False


@given(secret=secrets, marks=st.lists(st.integers(0, 4), min_size=1, max_size=12), before=around, after=around)
def test_percent_encoded_in_any_mix_it_does_not_leave(
    secret: bytes, marks: list[int], before: bytes, after: bytes
) -> None:
    spelled = percent(secret, marks)
    redacted = Redactor((secret,)).whole(before + spelled + after)
    assert spelled not in redacted
    assert secret not in urllib.parse.unquote_to_bytes(urllib.parse.unquote_to_bytes(redacted))


@given(secret=secrets, marks=st.lists(st.integers(0, 3), min_size=1, max_size=12), nested=st.booleans())
def test_json_escaped_once_or_nested_it_does_not_leave(secret: bytes, marks: list[int], *, nested: bool) -> None:
    spelled = jsonish(secret, marks)
    text = b'{"echo":"' + spelled + b'"}'
    if nested:
        text = json.dumps(text.decode()).encode()
    redacted = Redactor((secret,)).whole(text)
    assert redacted != text
    assert len(redacted) == len(text)
    value = json.loads(redacted)
    inner = json.loads(value) if nested else value
    assert secret.decode() not in inner["echo"]


@given(secret=secrets, upper=st.booleans(), before=around, after=around)
def test_in_hexadecimal_it_does_not_leave(secret: bytes, *, upper: bool, before: bytes, after: bytes) -> None:
    spelled = secret.hex().upper() if upper else secret.hex()
    assert spelled.lower().encode() not in Redactor((secret,)).whole(before + spelled.encode() + after).lower()


@given(secret=secrets, before=st.binary(max_size=40), after=st.binary(max_size=40), url=st.booleans())
def test_in_base64_at_any_alignment_not_one_bit_of_it_leaves(
    secret: bytes, *, before: bytes, after: bytes, url: bool
) -> None:
    spelled = in_base64(secret, before, after, url=url)
    redactor = Redactor((secret,))
    redacted = redactor.whole(b"data:" + spelled)[5:]
    begin, end = len(before) * 8, (len(before) + len(secret)) * 8
    for place, character in enumerate(redacted):
        carries_a_bit = place * 6 < end and (place + 1) * 6 > begin
        assert carries_a_bit or character == spelled[place]
        if carries_a_bit:
            assert character == redactor._mask[0]


@pytest.mark.parametrize(
    "write",
    [
        lambda key: base64.encodebytes(b"user and more:" * 4 + key + b"!" * 30),
        lambda key: json.dumps(base64.encodebytes(b"user:" * 14 + key).decode()).encode(),
        lambda key: json.dumps(base64.b64encode(b"u:" + key).decode()).replace("/", "\\/").encode(),
        lambda key: urllib.parse.quote(base64.b64encode(b"??>" + key).decode(), safe="").encode(),
        lambda key: "".join(f"\\x{byte:02x}" for byte in key).encode(),
        lambda key: "".join(f"&#x{byte:X};" for byte in key).encode(),
        lambda key: "".join(f"&#{byte};" for byte in key).encode(),
        lambda key: key.decode().encode("utf-16"),
        lambda key: key.decode().encode("utf-32-be"),
        lambda key: json.dumps(json.dumps(json.dumps(key.decode()))).encode(),
    ],
    ids=[
        "wrapped",
        "wrapped in JSON",
        "PHP's slashes",
        "in a query",
        "\\x",
        "HTML hex",
        "HTML",
        "UTF-16",
        "UTF-32",
        "thrice",
    ],
)
def test_other_quotings_that_real_servers_use(write: Callable[[bytes], bytes]) -> None:
    text = write(KEY)
    redacted = Redactor((KEY,)).whole(text)
    assert redacted != text
    assert redacted.count(b"*") >= len(KEY)
    assert not carries(redacted.replace(b"\n", b"").replace(b"\\n", b""), KEY)


@pytest.mark.parametrize("before", [b"%", b"%4", b"%25", b"\\", b"\\\\", b"\\u", b"\\u00", b"&#", b"&#x", b"=", b"ab"])
def test_what_stands_before_it_cannot_hide_it(before: bytes) -> None:
    secret = b"41Zx/yz_ab-cd.ef"
    for spelled in (secret, b"41%5Ax%2Fyz_ab-cd.ef", b"41\\u005ax\\/yz_ab-cd.ef"):
        assert Redactor((secret,)).whole(before + spelled).endswith(b"*" * len(spelled))


@given(
    secret=secrets,
    spelling=st.sampled_from(["plain", "percent", "json", "hex", "base64", "base64url"]),
    marks=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    before=around,
    after=around,
    cuts=st.lists(st.integers(0, 400), max_size=30),
)
def test_cut_into_any_pieces_it_comes_out_as_if_it_were_whole(
    *, secret: bytes, spelling: str, marks: list[int], before: bytes, after: bytes, cuts: list[int]
) -> None:
    spelled = {
        "plain": lambda: secret,
        "percent": lambda: percent(secret, marks),
        "json": lambda: jsonish(secret, marks),
        "hex": lambda: secret.hex().encode(),
        "base64": lambda: in_base64(secret, before, after, url=False),
        "base64url": lambda: in_base64(secret, before, after, url=True),
    }[spelling]()
    text = before + spelled + after
    stream = Redactor((secret,)).stream()
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [stream.feed(text[begin:end]) for begin, end in pairwise(edges)]
    redacted = b"".join((*pieces, stream.finish()))
    assert len(redacted) == len(text)
    assert not carries(redacted, secret)


@given(secret=secrets, text=st.binary(max_size=500), size=st.integers(1, 40))
def test_a_text_without_it_passes_byte_for_byte(secret: bytes, text: bytes, size: int) -> None:
    assume(not carries(text, secret))
    stream = Redactor((secret,)).stream()
    out = b"".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size)) + stream.finish()
    assert out == text


@given(secret=secrets, pieces=st.lists(st.binary(max_size=50), max_size=20))
def test_no_more_is_held_back_than_one_spelling(secret: bytes, pieces: list[bytes]) -> None:
    redactor = Redactor((secret,))
    stream = redactor.stream()
    came = left = 0
    for piece in (*pieces, secret[:-1], b"%2", b"\\u00"):
        came += len(piece)
        left += len(stream.feed(piece))
        assert came - left <= redactor.longest


@given(length=st.integers(1, len(KEY) - 1), start=st.integers(0, 3))
def test_a_part_of_it_is_nothing_so_that_nobody_can_ask_how_it_goes_on(length: int, start: int) -> None:
    part = KEY[start : start + length]
    if part == KEY:
        return
    redactor = Redactor((KEY,))
    for text in (part, part.hex().encode(), base64.b64encode(part), urllib.parse.quote(part).encode()):
        assert redactor.whole(b"<" + text + b">") == b"<" + text + b">"


def test_a_part_of_a_long_secret_is_nothing_either() -> None:
    """Its beginning is often known (`-----BEGIN PRIVATE KEY-----`): the rest must not be found out step by step."""
    secret = b"-----BEGIN-PRIVATE-KEY-----" + base64.b64encode(bytes(range(200)))
    for length in range(30, len(secret) - 1):
        guess = secret[:length] + b"?"
        assert Redactor((secret,)).whole(guess) == guess


@given(
    pieces=st.lists(
        st.sampled_from([b"sk_", b"sk_live", b"zz_zzzz", b"x", b" ", b"\n", b"%73", b"%7A", b"AAAA" * 20, b"c2tf"]),
        max_size=12,
    )
)
def test_what_is_held_back_says_nothing_about_the_secret(pieces: list[bytes]) -> None:
    """Two secrets, one of which the text keeps beginning with: both streams give the same bytes at the same time."""
    mine, other = Redactor((b"sk_live_51Habcdef",)).stream(), Redactor((b"zz_zzzz_99Zzzzzzz",)).stream()
    for piece in pieces:
        assert mine.feed(piece) == other.feed(piece)


def test_lines_of_base64_are_held_together() -> None:
    encoded = base64.encodebytes(b"text before it, so that a line ends in it: " + KEY + b" and more after it" * 9)
    redactor = Redactor((KEY,))
    for text in (encoded, b"authorization: Basic " + encoded, encoded.replace(b"\n", b"\r\n  ")):
        assert redactor.whole(text).count(b"\n") == text.count(b"\n") - 1  # a line did end in it
        for size in (1, 7, 77, 78):
            stream = redactor.stream()
            out = b"".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size)) + stream.finish()
            assert out == redactor.whole(text) != text
            assert not carries(out.replace(b"\n", b"").replace(b"\r", b"").replace(b" ", b""), KEY)


def test_a_secret_with_spaces_is_found_across_pieces() -> None:
    secret = b"correct horse battery staple"
    for text in (secret, json.dumps(secret.decode()).encode(), urllib.parse.quote_plus(secret).encode()):
        stream = Redactor((secret,)).stream()
        assert b"horse" not in b"".join(stream.feed(text[at : at + 1]) for at in range(len(text))) + stream.finish()


def test_an_event_of_a_stream_is_not_held_back() -> None:
    stream = Redactor((KEY,)).stream()
    for event in (
        b"data: c2tfbGl2ZV81MUhhYmMrREVG\n\n",
        b"data: some+words/in_a_row\r\n\r\n",
        b'data: {"n":1}\n\n',
        b"data: s\n\n",
        b"event: sk_live\ndata: x\n\n",
        b": ping\n\n",
    ):
        assert stream.feed(event) == event


@pytest.mark.parametrize("secret", ["ключ-от-всех-дверей", "pässwörd mit ümläuten", "鍵鍵鍵鍵鍵鍵鍵鍵"])
def test_a_secret_beyond_ascii(secret: str) -> None:
    redactor = Redactor((secret.encode(),))
    for text in (
        secret.encode(),
        json.dumps(secret).encode(),
        json.dumps(json.dumps(secret)).encode(),
        urllib.parse.quote(secret).encode(),
        secret.encode().hex().encode(),
        base64.b64encode(b"x" + secret.encode()),
        secret.encode("utf-16-be"),
    ):
        stream = redactor.stream()
        cut = b"".join(stream.feed(text[at : at + 1]) for at in range(len(text))) + stream.finish()
        assert redactor.whole(text) == cut
        assert b"****" in cut
        assert not carries(cut, secret.encode())


def test_a_long_secret_is_overwritten_to_its_end() -> None:
    secret = b"-----BEGIN KEY-----\n" + base64.encodebytes(bytes(range(256)) * 8) + b"-----END KEY-----\n"
    redactor = Redactor((secret,))
    for text in (secret, json.dumps(secret.decode()).encode(), base64.b64encode(b"x" + secret), secret.hex().encode()):
        stream = redactor.stream()
        cut = b"".join(stream.feed(text[at : at + 700]) for at in range(0, len(text), 700)) + stream.finish()
        for redacted in (redactor.whole(text), cut):
            assert len(redacted) == len(text)
            assert redacted.strip(b'"=eA').strip(b"*") == b""


def test_basic_authentication_hides_the_pair_and_the_password() -> None:
    pair = b"robot:correct-horse-battery"
    redactor = Redactors().redactor(base64.b64encode(pair), "Basic ")
    for text in (base64.b64encode(pair), pair, b"correct-horse-battery", b"Basic " + base64.b64encode(pair)):
        assert b"***" in redactor.whole(b"<" + text + b">")
        assert b"correct-horse" not in redactor.whole(text)


def test_a_secret_of_asterisks_is_overwritten_with_something_else() -> None:
    assert b"********" not in Redactor((b"*" * 8,)).whole(b"<" + b"*" * 8 + b">")


def test_without_a_secret_everything_passes() -> None:
    stream = Redactor(()).stream()
    assert stream.feed(KEY) == KEY
    assert stream.finish() == b""


def test_a_redactor_shows_nothing() -> None:
    redactor = Redactors().redactor(KEY, "Bearer ")
    assert KEY.decode() not in repr(redactor)
    with pytest.raises(TypeError):
        pickle.dumps(redactor)


def test_the_same_secret_gets_the_same_redactor_and_old_ones_are_dropped() -> None:
    redactors = Redactors()
    first = redactors.redactor(KEY)
    assert redactors.redactor(KEY) is first
    for number in range(200):
        redactors.redactor(b"another-secret-%d" % number)
    assert redactors.redactor(KEY) is not first


@pytest.mark.parametrize(
    "unit",
    [
        KEY[:-1] + b"!",
        b"\\",
        b"%",
        b"%2",
        b"%25",
        b"&#",
        b"\\u00",
        KEY[:1],
        b"sk_live_",
        base64.b64encode(KEY)[:-6],
        b"\r\n",
    ],
    ids=repr,
)
def test_text_made_to_look_like_it_costs_time_in_its_length_only(unit: bytes) -> None:
    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        best = 1e9
        for _ in range(3):
            stream = Redactor((KEY,)).stream()
            stream.feed(text[:4096])  # compiled
            begun = time.thread_time()
            for at in range(0, len(text), 4096):
                stream.feed(text[at : at + 4096])
            best = min(best, time.thread_time() - begun)
        return best

    small, large = cost(20_000), cost(160_000)
    assert large < 8 * small * 4 + 0.05  # eight times the text: quadratic work would take 64 times as long
