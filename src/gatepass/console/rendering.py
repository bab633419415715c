"""Templates into bytes: everything is escaped, everything that hides is spelt out, and a missing value is an error.

What stands in double braces goes through `_shown` and then through autoescaping, whoever wrote it, so that a page
whose author forgot a filter is dull and not dangerous. Only values that go back into a form as they were typed pass
by the first (`typed`), and none passes by the second. No template reads a file, a clock or the deployment.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Undefined
from markupsafe import Markup

from gatepass.console.showing import FILTERS, visible

__all__ = ["Rendering"]

_PLAIN: Final = re.compile(r"[\x20-\x7e\n\t]*")


class Rendering:
    """The templates below a folder, with what is the same on every page."""

    def __init__(self, folder: Path, constants: Mapping[str, object]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= FILTERS
        self._environment.globals |= constants

    def page(self, template: str, values: Mapping[str, object]) -> bytes:
        """The page."""
        return self._environment.get_template(template).render(values).encode("utf-8", "replace")


def _shown(value: object) -> object:
    """What stands in a page for `value`: nothing that turns text round, hides in it or moves the cursor."""
    if isinstance(value, Markup | Undefined) or value is None:
        return value
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return "\n".join(visible(line) for line in text.split("\n"))
