r"""The forms that a secret takes in an answer, as sequences of tokens: what redaction looks for.

A needle is a sequence of tokens, one for each character of one spelling of the secret; a token is all the
ways in which that character may be written where the spelling is quoted again. So a mix of plain, percent-
encoded (once or twice), JSON-escaped (once or nested), `\x` and HTML-escaped characters is one needle, and
wherever it begins, it is found: nothing here depends on how the text around it would be decoded.

The spellings: plain (UTF-8), hexadecimal in any case, base64 and base64url at each of the three alignments
(with the characters at its ends that carry only some bits of the secret, and across line breaks), UTF-16
and UTF-32. What is not covered (other encodings, encryption, pieces) is in the threat model.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["Needle", "Token", "escape_pattern", "needles_for", "spoken_values"]

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BACKSLASH: Final = 0x5C
SPACE: Final = 0x20
BEYOND_ASCII: Final = 0x80
SHORTEST_BASE64: Final = 4
"""Characters that a base64 spelling has to fix before it is looked for."""

_BREAK: Final = rb"(?:(?:\r\n|\n|\\{1,3}n|\\{1,3}r\\{1,3}n)[ \t]{0,8})?"
"""A line break in wrapped base64, perhaps escaped."""

_NAMED: Final = {0x22: b"quot", 0x26: b"amp", 0x27: b"apos", 0x3C: b"lt", 0x3E: b"gt"}
_CONTROLS: Final = {0x08: b"b", 0x09: b"t", 0x0A: b"n", 0x0C: b"f", 0x0D: b"r"}


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """One character, in every way in which it may be written.

    `ways` are regular expressions that each match at one length only. `pattern` is all of them as one, in
    which every branch begins with a plain byte or set, so that a branch that does not apply costs nothing.
    """

    ways: tuple[bytes, ...]
    pattern: bytes
    starts: frozenset[int]
    """The bytes with which it may begin."""
    longest: int
    """The most bytes that it takes."""


@dataclass(frozen=True, slots=True, repr=False)
class Needle:
    """One spelling of one secret.

    `samples` are texts of which at least one stands unescaped in every occurrence that has no escape in it;
    `any_case` says that they are to be looked for in lower-cased text.
    """

    tokens: tuple[Token, ...]
    samples: tuple[bytes, ...]
    any_case: bool = False

    @property
    def longest(self) -> int:
        """The most bytes that an occurrence takes."""
        return sum(token.longest for token in self.tokens)


def spoken_values(secret: bytes, prefix: str) -> tuple[bytes, ...]:
    """What has to be kept from view: the secret, and for Basic authentication what it is the encoding of."""
    values = [secret]
    if prefix.strip().lower() == "basic":
        try:
            pair = base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            return (secret,)
        values.append(pair)
        _, colon, password = pair.partition(b":")
        if colon and len(password) >= SHORTEST_BASE64:
            values.append(password)
    return tuple(dict.fromkeys(value for value in values if value))


def needles_for(secret: bytes) -> tuple[Needle, ...]:
    """Every spelling of one value."""
    aligned = (_base64(secret, alignment) for alignment in range(3))
    return (_plain(secret), _hexadecimal(secret), *(needle for needle in aligned if needle), *_wide(secret))


def escape_pattern(values: Iterable[bytes]) -> bytes:
    """An escape of a byte that some spelling holds. A text without one is searched by its samples alone."""
    matters = set(b"".join(values)) | set(b"+/-_")
    pairs = _pairs(matters)
    characters = b"".join(re.escape(bytes((byte,))) for byte in sorted(matters) if not bytes((byte,)).isalnum())
    controls = b"".join(sign for byte, sign in _CONTROLS.items() if byte in matters)
    named = b"".join(name + b";|" for byte, name in _NAMED.items() if byte in matters)
    wide = rb"|u[0-9A-Fa-f]{4}" if max(matters) >= BEYOND_ASCII else b""
    return (
        rb"%(?:25){0,2}(?:" + pairs + rb")"
        rb"|\\(?:u00(?:" + pairs + rb")|x(?:" + pairs + rb")|[" + characters + controls + rb"]" + wide + rb")"
        rb"|&(?:" + named + rb"#)" + (rb"|[\x80-\xff]" if wide else b"") + (rb"|\+" if SPACE in matters else b"")
    )


def _pairs(values: Iterable[int]) -> bytes:
    """Two hexadecimal digits, of any case, that make one of the values."""
    rows: dict[int, list[int]] = {}
    for value in sorted(values):
        rows.setdefault(value >> 4, []).append(value & 15)
    return b"|".join(
        _hex_class(b"%x" % high) + b"[" + b"".join(b"%x%X" % (low, low) for low in lows) + b"]"
        for high, lows in rows.items()
    )


# -- the spellings


def _plain(secret: bytes) -> Needle:
    tokens: list[Token] = []
    try:
        text = secret.decode("utf-8")
    except UnicodeDecodeError:
        return Needle(tuple(map(_byte_token, secret)), (secret,))
    for run in re.findall(r"\\{4,}|.", text, re.DOTALL):
        if len(run) > 1:
            tokens.append(_backslashes_token(len(run)))
        elif run.isascii():
            tokens.append(_byte_token(ord(run)))
        else:
            tokens.append(_character_token(run))
    return Needle(tuple(tokens), (secret,))


def _hexadecimal(secret: bytes) -> Needle:
    spelling = secret.hex().encode("ascii")
    tokens = tuple(_set_token(bytes((digit,)) + bytes((digit,)).upper()) for digit in spelling)
    return Needle(tokens, (spelling,), any_case=True)


def _base64(secret: bytes, alignment: int) -> Needle | None:
    spelling = base64.b64encode(bytes(alignment) + secret + bytes(3)).rstrip(b"=")
    begin, end = 8 * alignment, 8 * (alignment + len(secret))
    first, last = -(-begin // 6), end // 6
    if last - first < SHORTEST_BASE64:
        return None
    core = spelling[first:last]
    tokens = [_base64_token(bytes((character,))) for character in core]
    if begin % 6:
        fixed = ALPHABET.index(spelling[begin // 6]) % (1 << 6 - begin % 6)
        step = 1 << 6 - begin % 6
        tokens.insert(0, _base64_token(bytes(ALPHABET[value] for value in range(fixed, 64, step))))
    if end % 6:
        unknown = 6 - end % 6
        fixed = ALPHABET.index(spelling[last]) >> unknown << unknown
        tokens.append(_base64_token(ALPHABET[fixed : fixed + (1 << unknown)]))
    tokens = [tokens[0], *map(_after_break, tokens[1:])]
    # Lines are wrapped at 60 characters or later, so one of two neighbouring pieces this short is in one line.
    size = min(len(core) // 2, 29)
    samples = {core[:size], core[size : 2 * size]}
    samples |= {sample.translate(bytes.maketrans(b"+/", b"-_")) for sample in samples}
    return Needle(tuple(tokens), tuple(sorted(samples)))


def _wide(secret: bytes) -> Iterable[Needle]:
    try:
        text = secret.decode("utf-8")
    except UnicodeDecodeError:
        return
    encodings = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    # Of ASCII text, little and big endian differ only in where the zeros around it stand.
    spellings = {
        text.encode(encoding).strip(b"\0") if text.isascii() else text.encode(encoding) for encoding in encodings
    }
    for spelling in sorted(spellings):
        yield Needle(tuple(_set_token(bytes((byte,))) for byte in spelling), (spelling,))


# -- the tokens


def _token(ways: Sequence[bytes], starts: bytes, longest: int) -> Token:
    return Token(tuple(ways), b"(?:" + b"|".join(ways) + b")", frozenset(starts), longest)


@lru_cache(maxsize=256)
def _byte_token(byte: int) -> Token:
    """A byte, raw or escaped in any of the known ways. Nothing in the cache belongs to a secret."""
    raw = re.escape(bytes((byte,)))
    pair = _hex_pair(byte)
    after_backslash = [b"u00" + pair, b"x" + pair]
    if not bytes((byte,)).isalnum():
        after_backslash.append(raw)  # `\/`; no notation escapes a letter or digit with a bare backslash
    if byte in _CONTROLS:
        after_backslash.append(_CONTROLS[byte])
    after_ampersand = [b"#[xX]0{0,4}" + pair, b"#0{0,4}%d" % byte]
    if byte in _NAMED:
        after_ampersand.append(_NAMED[byte])
    ways = [
        raw,
        *(rb"\\{1,4}" + way for way in after_backslash if byte != BACKSLASH or way != raw),
        # Each way has one length: `%25` might be one `%`, or the first layer of two.
        *(layer + pair for layer in (b"%", b"%25", b"%2525")),
        *(b"&" + way + b";" for way in after_ampersand),
    ]
    if byte == BACKSLASH:
        ways += [rb"\\{2}", rb"\\{4}"]
        raw = rb"\\{4}|\\{2}|\\"  # the longest first: half an escape left over would break the text around it
        after_backslash.remove(re.escape(b"\\"))
    if byte == SPACE:
        ways.append(rb"\+")
    pattern = (
        rb"(?:\\\\{0,3}(?:" + b"|".join(after_backslash) + b")|" + raw + rb"|%(?:25){0,2}" + pair + b""
        b"|&(?:" + b"|".join(after_ampersand) + b");" + (rb"|\+" if byte == SPACE else b"") + b")"
    )
    return Token(tuple(ways), pattern, frozenset((byte, *b"%\\&", *(b"+" if byte == SPACE else b""))), 13)


def _backslashes_token(count: int) -> Token:
    """A run of backslashes: one token, because a token each would let a hostile text be read in too many ways."""
    ways = (
        rb"\\{%d,%d}" % (count, 4 * count),
        *(b"(?:" + layer + b"5[cC]){%d}" % count for layer in (b"%", b"%25", b"%2525")),
        rb"(?:\\{1,4}u005[cC]){%d}" % count,
    )
    return _token(ways[::-1], b"%\\", 9 * count)


def _character_token(character: str) -> Token:
    """A character beyond ASCII: its UTF-8 bytes raw or percent-encoded, its Latin-1 byte, its JSON or HTML escape."""
    encoded = character.encode("utf-8")
    units = character.encode("utf-16-be")
    escape = b"".join(
        rb"\\{1,4}u" + _hex_pair(units[place]) + _hex_pair(units[place + 1]) for place in range(0, len(units), 2)
    )
    number = ord(character)
    ways = [
        re.escape(encoded),
        *(b"".join(layer + _hex_pair(byte) for byte in encoded) for layer in (b"%", b"%25", b"%2525")),
        escape,
        b"&#0{0,4}%d;" % number,
        b"&#[xX]0{0,4}" + b"".join(_hex_class(bytes((digit,))) for digit in b"%x" % number) + b";",
    ]
    if number < 0x100:  # noqa: PLR2004  Latin-1
        ways.append(re.escape(bytes((number,))))
    return _token(ways, encoded[:1] + bytes((number & 0xFF,)) + b"%\\&", 28)


@lru_cache(maxsize=512)
def _base64_token(values: bytes) -> Token:
    """One of some characters of the alphabet; `+` and `/` also as base64url writes them, and escaped."""
    plain = set(values)
    specials: list[int] = []
    for special, alias in ((0x2B, 0x2D), (0x2F, 0x5F)):
        if special in plain:
            plain.add(alias)
            specials += [special, alias]
    base = _set_token(bytes(sorted(plain)))
    if not specials:
        return base
    ways = [*base.ways, *(way for special in specials for way in _byte_token(special).ways[1:])]
    pattern = b"(?:" + base.pattern + b"".join(b"|" + _byte_token(special).pattern for special in specials) + b")"
    return Token(tuple(ways), pattern, base.starts | frozenset(b"%\\&"), 13)


@lru_cache(maxsize=1024)
def _set_token(values: bytes) -> Token:
    """One raw byte of a set."""
    pattern = b"[" + b"".join(rb"\x%02x" % value for value in sorted(values)) + b"]"
    return Token((pattern,), pattern, frozenset(values), 1)


@lru_cache(maxsize=512)
def _after_break(token: Token) -> Token:
    """The token, perhaps at the beginning of another line."""
    return Token(
        tuple(_BREAK + way for way in token.ways),
        _BREAK + token.pattern,
        token.starts | frozenset(b"\r\n\\"),
        token.longest + 19,
    )


def _hex_pair(byte: int) -> bytes:
    return b"".join(_hex_class(bytes((digit,))) for digit in b"%02x" % byte)


def _hex_class(digit: bytes) -> bytes:
    return digit if digit.isdigit() else b"[" + digit + digit.upper() + b"]"
