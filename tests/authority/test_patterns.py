"""Patterns, checked against every id of a small world: what is claimed of covering and meeting is exactly so."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.authority import Pattern
from gatepass.authority.scopes.patterns import MAX_ID, decode, encode, id_fault, is_clean, shown, split_id
from gatepass.errors import Malformed


def paths(segments: str, longest: int) -> list[str]:
    found: list[str] = []
    for length in range(1, longest + 1):
        for names in itertools.product(segments, repeat=length):
            for separators in itertools.product(":/", repeat=length - 1):
                path = names[0] + "".join(s + n for s, n in zip(separators, names[1:], strict=True))
                found.extend((path, "s://" + path) if length < longest else (path,))
    return found


PATTERNS = [Pattern.parse(text) for text in paths("ab*", 3)]
# `c` stands for all the segments that no pattern names, and one segment more for all longer ids.
IDS = paths("abc", 4)


def covered(pattern: Pattern) -> int:
    """The ids that `pattern` covers, a bit each."""
    return sum(1 << place for place, text in enumerate(IDS) if pattern.covers_id(text))


def all_covered() -> dict[Pattern, int]:
    return {pattern: covered(pattern) for pattern in PATTERNS}


def test_a_pattern_covers_another_exactly_when_it_covers_all_of_its_ids() -> None:
    covers = all_covered()
    for one, other in itertools.product(PATTERNS, repeat=2):
        assert one.covers(other) == (covers[one] | covers[other] == covers[one]), (str(one), str(other))


def test_what_two_patterns_share_is_exactly_their_meet() -> None:
    covers = all_covered()
    for one, other in itertools.combinations_with_replacement(PATTERNS, 2):
        met = one.meet(other)
        assert met == other.meet(one)
        if met is not None and met not in covers:
            assert Pattern.parse(str(met)) == met
            covers[met] = covered(met)
        assert (0 if met is None else covers[met]) == covers[one] & covers[other], (str(one), str(other))


def test_the_narrowest_pattern_over_ids_covers_them_and_every_narrower_one_does_not() -> None:
    covers = all_covered()
    some = [text for text in IDS if len(text) <= 6][::4]
    for one, other in itertools.combinations_with_replacement(some, 2):
        over = Pattern.over([one, other])
        assert over is not None
        assert Pattern.parse(str(over)) == over
        assert over.covers_id(one)
        assert over.covers_id(other)
        both = (1 << IDS.index(one)) | (1 << IDS.index(other))
        for pattern in PATTERNS:
            if covers[pattern] & both == both:
                assert pattern.covers(over), (one, other, str(over), str(pattern))


@pytest.mark.parametrize(
    ("ids", "over"),
    [
        (["a"], "a"),
        (["a:b", "a:b"], "a:b"),
        (["a:b", "a:c"], "a:*"),
        (["a:b:x", "a:c:x"], "a:*:x"),
        (["a:b", "a:b:c"], "a:*"),
        (["a:b", "a/b"], "*"),
        (["a:b:c", "a:b/c"], "a:*"),
        (["https://h/a", "https://h/b"], "https://h/*"),
        (["https://h", "http://h"], "*"),
        (["https://h", "https:h"], "*"),
        (["https://h/a", "http://h/a"], "*"),
        (["https:h:a", "http://h/a"], "*"),
        (["b", "https://h/a"], "*"),
        (["x*", "x*"], "x%2A"),
        ([], None),
        (["a", ".."], None),
    ],
)
def test_the_narrowest_pattern_over_ids(ids: list[str], over: str | None) -> None:
    found = Pattern.over(ids)
    assert (None if found is None else str(found)) == over


@pytest.mark.parametrize(
    ("pattern", "fixed", "literal"),
    [
        ("*", 0, False),
        ("a", 1, True),
        ("a:*", 1, False),
        ("a:*:c", 2, False),
        ("*:b:*", 1, False),
        ("https://*", 0, False),
        ("https://h", 1, True),
        ("https://h/*", 1, False),
        ("a:b/c", 3, True),
    ],
)
def test_fixed_segments_are_counted_without_the_scheme(pattern: str, fixed: int, *, literal: bool) -> None:
    assert Pattern.parse(pattern).fixed == fixed
    assert Pattern.parse(pattern).is_literal == literal


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty"),
        ("a" * (MAX_ID + 1), "it is longer than 1024 characters"),
        (":".join("a" * 65), "it has more than 64 segments"),
        ("s://" + ":".join("a" * 64), "it has more than 64 segments"),
        ("a::b", "it has an empty segment"),
        (":a", "it has an empty segment"),
        ("a/", "it has an empty segment"),
        ("s://", "it has an empty segment"),
        ("s:///a", "it has an empty segment"),
        ("a://b://c", "it has an empty segment"),
        ("//a", "it has an empty segment"),
        ("1s://a", "it has an empty segment"),
        (".", "it has a segment `.` or `..`"),
        ("a/../b", "it has a segment `.` or `..`"),
        ("s://..", "it has a segment `.` or `..`"),
        ("a\n", "it is not canonical text"),
        ("e\u0301", "it is not canonical text"),
        ("\ud800", "it is not canonical text"),
    ],
)
def test_a_malformed_id_is_covered_by_nothing(text: str, fault: str) -> None:
    assert id_fault(text) == fault
    assert split_id(text) is None
    assert Pattern.of_id(text) is None
    assert not Pattern.parse("*").covers_id(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", (("", "a"),)),
        ("a:b/c", (("", "a"), (":", "b"), ("/", "c"))),
        ("s3+x://a/b", (("", "s3+x:"), ("//", "a"), ("/", "b"))),
        ("a*b", (("", "a*b"),)),
        ("...", (("", "..."),)),
    ],
)
def test_an_id_is_cut_at_its_separators(text: str, parts: tuple[tuple[str, str], ...]) -> None:
    assert id_fault(text) is None
    assert split_id(text) == parts


@pytest.mark.parametrize("count", [63, 64])
def test_as_many_segments_as_the_bound(count: int) -> None:
    assert split_id(":".join("a" * count)) is not None
    assert split_id("s://" + ":".join("a" * 63)) is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs*", "`*` stands for a whole segment; write %2A where it is meant literally"),
        ("a:**", "`*` stands for a whole segment; write %2A where it is meant literally"),
        ("a%3Ab", "a separator is never percent-encoded"),
        ("a%2Fb", "a separator is never percent-encoded"),
        ("a%2fb", "a segment is not in canonical percent-encoding"),
        ("%61", "a segment is not in canonical percent-encoding"),
        ("é", "a segment is not in canonical percent-encoding"),
        ("a?b", "a segment is not in canonical percent-encoding"),
        ("", "it is empty"),
        ("a::*", "it has an empty segment"),
        ("a/../*", "it has a segment `.` or `..`"),
        ("%0A", "it is not canonical text"),
        (":".join("a" * 64) + ":*", "it has more than 64 segments"),
        ("a" * 1025, "it is longer than 1024 characters"),
        ("%F0%9F%98%80" * 1025, "it is too long"),
    ],
)
def test_a_malformed_pattern_says_why(text: str, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Pattern.parse(text)
    assert refusal.value.code == "malformed_scope"
    assert refusal.value.message == f"the pattern `{shown(text, 80)}` is malformed: {message}"


@given(text=st.text(max_size=30))
def test_encoding_is_undone_and_nothing_else_decodes(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    encoded = encode(text)
    assert decode(encoded) == text
    assert not set(encoded) & set(':/*?&=!<>~|#"\\ ')
    assert encoded.isascii()
    assert encoded.isprintable()
    assert decode(encode(text, also=".")) == text
    assert "." not in encode(text, also=".")


def test_what_the_notation_uses_and_oauth_forbids_is_encoded_and_nothing_else() -> None:
    printable = "".join(map(chr, range(0x20, 0x7F)))
    encoded = {c for c in printable if encode(c) != c}
    assert encoded == set(':/*?&=!<>~|#%" \\')
    assert encode("".join(c for c in printable if c not in encoded)) == "".join(
        c for c in printable if c not in encoded
    )


@given(text=st.text(alphabet="%0123456789ABCDEFabcdef.é"))
def test_what_decodes_to_a_text_is_its_encoding_or_refused(text: str) -> None:
    decoded = decode(text)
    if decoded is None or encode(decoded) != text:
        with pytest.raises(Malformed):
            Pattern.parse(text)


@pytest.mark.parametrize(
    "text", ["%C3", "%ED%A0%80", "%C0%AF", "%F5%80%80%80", "%", "%4", "%zz", "%c3%a9", "a b", "a\n"]
)
def test_what_is_not_utf8_or_not_escaped_does_not_decode(text: str) -> None:
    assert decode(text) is None


@given(text=st.text())
def test_clean_text_is_nfc_and_shows_in_full(text: str) -> None:
    if is_clean(text):
        assert unicodedata.normalize("NFC", text) == text
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for c in text)


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "\n",
        "\x7f",
        "\x85",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u200f",
        "\u2066",
        "\ud800",
        "\u0378",
        "e\u0301",
        "\u212b",
        "\ufffe",
    ],
)
def test_text_that_is_not_canonical(text: str) -> None:
    assert not is_clean(text)
    assert not is_clean("a" + text)


@pytest.mark.parametrize(
    "text", ["", "a", " ", "~", "é", "\ufb01", "\uff21", "日本", "\u200d", "\u200b", "\U0001f600", "\ue000"]
)
def test_text_that_is_canonical(text: str) -> None:
    assert is_clean(text)


def test_what_is_quoted_is_one_short_visible_line() -> None:
    assert shown("a\nb\u202ec\x00") == "a\\u000ab\\u202ec\\u0000"
    assert shown("é日本") == "é日本"
    assert shown("x" * 200) == "x" * 200
    assert shown("x" * 201) == "x" * 200 + "..."
    assert shown("abc", 2) == "ab..."


def test_a_star_counts_as_one_character() -> None:
    for text in ("*:" + "a" * (MAX_ID - 2), "a" * (MAX_ID - 2) + ":*"):
        assert str(Pattern.parse(text)) == text
        with pytest.raises(Malformed, match="it is longer than 1024 characters"):
            Pattern.parse(text.replace("a", "aa", 1))


def test_the_longest_id_has_a_pattern_that_is_read_again() -> None:
    for text in ("a" * MAX_ID, "é" * MAX_ID, "\U0001f600" * MAX_ID, ":".join("a" * 64)):
        pattern = Pattern.of_id(text)
        assert pattern is not None
        assert Pattern.parse(str(pattern)) == pattern
        assert repr(pattern) == f"Pattern('{pattern}')"
