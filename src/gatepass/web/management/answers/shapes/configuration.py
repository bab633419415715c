"""The shapes of a folder of files, and of what applying it would do."""

from typing import Literal

from gatepass.web.management.answers.shapes.things import Shape

__all__ = ["Configuration", "ConfigurationFile", "FileFault", "PlanShown", "PlannedChange", "PlannedMember"]


class ConfigurationFile(Shape):
    """One file: its path in the folder, and its text."""

    path: str
    text: str


class Configuration(Shape):
    """What there is, as files."""

    files: list[ConfigurationFile]


class PlannedMember(Shape):
    """One member of a file: what it was and what it would be. Null where it is not said."""

    name: str
    before: str | int | bool | list[str] | None
    after: str | int | bool | list[str] | None


class PlannedChange(Shape):
    """One record's change. `widens` says that it needs a person who has just signed in."""

    kind: Literal["upstream", "role", "agent", "token"]
    name: str
    step: Literal["create", "change", "adopt", "remove", "release"]
    members: list[PlannedMember]
    widens: bool
    says: str | None


class FileFault(Shape):
    """What is wrong with a file. `line` is null for the file as a whole, `file` for the folder."""

    file: str | None
    line: int | None
    says: str


class PlanShown(Shape):
    """What applying the files would do, or has done. With `faults` there are no changes."""

    fingerprint: str
    changes: list[PlannedChange]
    faults: list[FileFault]
    notices: list[str]
    widens: bool
    acts: list[str]
