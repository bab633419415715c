"""The caveat of weekly windows: Monday to Friday from nine to five, in a time zone.

The law: an instant is turned into the zone's wall clock, which is always possible and never ambiguous (the other way
round is neither), and has to lie in a window. The zone's rules are read from the IANA database once, when the caveat
is made; a zone that cannot be found makes a caveat that cannot be read, which vetoes. Judging an attempt reads
nothing.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import ClassVar, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from gatepass.access import Access, Json, PartialAccess, Veto
from gatepass.authority.caveats.kinds import MAX_LIST, Caveat, malformed, vetoed
from gatepass.errors import Malformed

__all__ = ["Weekly", "Window"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2}", re.ASCII)
_WINDOW: Final = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII
)
_DAY: Final = 24 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Window(NamedTuple):
    """Minutes of one day of the week (Monday is 0), from `start` up to but not including `end`."""

    day: int
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `mon 09:00-17:30`; a day ends at 24:00. Raises `Malformed`."""
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise malformed("a window is written like `mon 09:00-17:30`")
        day, *numbers = match.groups()
        hour, minute, end_hour, end_minute = map(int, numbers)
        return cls(_DAYS.index(day), hour * 60 + minute, end_hour * 60 + end_minute)

    def __str__(self) -> str:
        """Print the window as `parse` reads it."""
        return f"{_DAYS[self.day]} {self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True)
class Weekly:
    """Vetoes outside the weekly `windows` of the IANA time zone `zone`."""

    number: ClassVar[int] = 3
    zone: str
    windows: tuple[Window, ...]
    _rules: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise `Malformed` for an unknown zone, or windows that are not sorted, apart and within their day."""
        object.__setattr__(self, "_rules", _rules_of(self.zone))
        if not 1 <= len(self.windows) <= MAX_LIST:
            raise malformed(f"one to {MAX_LIST} windows have to be named")
        for window in self.windows:
            if not (0 <= window.day < len(_DAYS) and 0 <= window.start < window.end <= _DAY):
                raise malformed("a window has to end after it starts, within its day")
        for earlier, later in pairwise(self.windows):
            if (earlier.day, earlier.end) >= (later.day, later.start):
                raise malformed("windows have to be sorted, with time between them")

    @classmethod
    def of(cls, zone: str, *windows: str) -> Self:
        """Read windows such as `mon 09:00-17:30`; their order does not matter. Raises `Malformed`."""
        return cls(zone, tuple(sorted(map(Window.parse, windows))))

    def veto(self, access: Access | PartialAccess) -> Veto | None:
        """Say that it is outside the windows."""
        try:
            local = (_EPOCH + timedelta(milliseconds=access.context.at)).astimezone(self._rules)
        except (OverflowError, ValueError):
            return vetoed("the instant is beyond every calendar")
        day, minute = local.weekday(), local.hour * 60 + local.minute
        if any(window.day == day and window.start <= minute < window.end for window in self.windows):
            return None
        return vetoed(f"it is outside its weekly windows in {self.zone}")

    def may_hold(self, partial: PartialAccess) -> bool:
        """The instant is always known."""
        return self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """The same zone, each window inside one of the other's."""
        return (
            isinstance(other, Weekly)
            and self.zone == other.zone
            and all(
                any(its.day == mine.day and its.start <= mine.start and mine.end <= its.end for its in other.windows)
                for mine in self.windows
            )
        )

    def fields(self) -> tuple[Json, ...]:
        """`[zone, [window, ...]]`."""
        return (self.zone, tuple(map(str, self.windows)))

    @classmethod
    def read(cls, zone: Json, windows: Json) -> Self:
        """Undo `fields`."""
        if not isinstance(zone, str) or not isinstance(windows, tuple):
            raise malformed("weekly windows need a zone and a list")
        return cls(zone, tuple(Window.parse(text) if isinstance(text, str) else _no_window() for text in windows))


def _no_window() -> Window:
    raise malformed("a window is a text")


def _rules_of(zone: object) -> ZoneInfo:
    if not isinstance(zone, str) or not _ZONE.fullmatch(zone):
        raise malformed("a time zone is an IANA name such as Europe/Berlin")
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise Malformed("malformed_caveat", f"the time zone `{zone}` is not known here") from None
