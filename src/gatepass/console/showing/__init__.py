"""How what the API says becomes text on a page."""

from gatepass.console.showing.words import FILTERS, instant_words, shorten, since, span_words, visible

__all__ = ["FILTERS", "instant_words", "shorten", "since", "span_words", "visible"]
