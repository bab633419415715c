"""What the management API shows of each record: enough to work with, and no secret in any of it."""

from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.deployment import catalogue, concern, measured, setting
from gatepass.web.management.answers.journal import entry, head, kept_head, report, story
from gatepass.web.management.answers.records import Shows
from gatepass.web.management.answers.runs import run_shown
from gatepass.web.management.answers.signing import signing_key_shown
from gatepass.web.management.answers.words import encode, instant

__all__ = [
    "Shows",
    "catalogue",
    "concern",
    "encode",
    "entry",
    "head",
    "instant",
    "kept_head",
    "measured",
    "report",
    "run_shown",
    "setting",
    "shapes",
    "signing_key_shown",
    "story",
]
