"""How what the API says becomes text on a page."""

from gatepass.console.showing.differences import Difference, differences, overtaken
from gatepass.console.showing.events import EVENTS, OUTCOMES, Fact, facts_of, href_of, kind_of, title_of
from gatepass.console.showing.operations import Mapped, line_of, mapped_by
from gatepass.console.showing.requests import Proposed, proposals
from gatepass.console.showing.stories import Moment, Tally, moments_of, tally_of
from gatepass.console.showing.theme import THEMES, theme_cookie, theme_of
from gatepass.console.showing.words import FILTERS, instant_words, shorten, since, span_words, visible

__all__ = [
    "EVENTS",
    "FILTERS",
    "OUTCOMES",
    "THEMES",
    "Difference",
    "Fact",
    "Mapped",
    "Moment",
    "Proposed",
    "Tally",
    "differences",
    "facts_of",
    "href_of",
    "instant_words",
    "kind_of",
    "line_of",
    "mapped_by",
    "moments_of",
    "overtaken",
    "proposals",
    "shorten",
    "since",
    "span_words",
    "tally_of",
    "theme_cookie",
    "theme_of",
    "title_of",
    "visible",
]
