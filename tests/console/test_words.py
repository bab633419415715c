"""Text that cannot pose as ours, instants and spans in words."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gatepass.console.rendering import Rendering
from gatepass.console.showing import instant_words, shorten, since, span_words, visible

NOW = "2026-11-22T18:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("in\u202eside", "in⟨U+202E⟩side"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\nb", "a↵\nb"),
        ("a\x1b[2J", "a⟨U+001B⟩[2J"),
        ("\ud800", "⟨U+D800⟩"),
        ("Z" + "\u0301" * 400, "Z⟨U+0301 x400⟩"),
        ("\u3164", "⟨U+3164⟩"),
        ("é e\u0301", "é e\u0301"),
        ("\u65e5\u672c", "\u65e5\u672c"),
    ],
)
def test_what_hides_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(some.text())
def test_nothing_that_hides_is_left(text: str) -> None:
    left = {unicodedata.category(each) for each in visible(text) if each not in "\n\t"}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_long_text_is_cut_and_says_so() -> None:
    assert shorten("x" * 500, 10) == "x" * 10 + "…"
    assert shorten("short", 10) == "short"
    assert shorten("a\n" * 50) == "a\na\na\na\na\na…"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-11-22T17:57:00Z", "3 minutes ago"),
        ("2026-11-22T18:00:00Z", "just now"),
        ("2026-11-22T20:00:00+00:00", "in 2 hours"),
        ("2026-11-21T18:00:00Z", "1 day ago"),
        ("yesterday", "yesterday"),
    ],
)
def test_how_long_ago(at: str, words: str) -> None:
    assert since(at, NOW) == words


def test_instants_are_in_utc() -> None:
    assert instant_words("2026-11-22T20:00:05.999+02:00") == "22 Nov 2026, 18:00:05"
    assert instant_words("\u202enever") == "⟨U+202E⟩never"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, "1 minute"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (45, "45 seconds"),
        (172800, "2 days"),
        ("x", "x"),
        (0, "0 seconds"),
    ],
)
def test_spans(seconds: object, words: str) -> None:
    assert span_words(seconds) == words


def test_what_an_author_forgot_to_look_at_is_escaped_and_spelt_out_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>{{ text }}</p>{{ form | typed }}")
    page = Rendering(tmp_path, {}).page("page.html", {"text": "<b>\u202etxet\n", "form": "<i>\u202e"}).decode()
    assert page == "<p>&lt;b&gt;⟨U+202E⟩txet\n</p>&lt;i&gt;\u202e"
