"""What the deployment knows of itself from its start: where it listens, who is kept out, and what it was set to."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Facts", "SettingFact"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFact:
    """One setting in force. No setting holds a secret."""

    name: str
    """`server.port`"""
    value: str | None
    """As somebody would write it (`8420`, `15m`, `60/1m`); None for what is not set and has no default."""
    default: str | None
    """The same, of what it is when nobody sets it."""
    says: str
    """What it means, in a sentence."""
    origin: str
    """`default`, `file`, `environment` or `option`."""
    where: str | None
    """The file and line, the variable or the option that said it; None for a default."""


def _no_trouble() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the deployment knows of itself from its start."""

    version: str
    listening: tuple[str, ...] = ()
    custody_protected: bool = False
    """Whether the user who runs agents is kept from reading the sealing key and the database."""
    custody: str = ""
    """Why, or why not, in a sentence."""
    settings: tuple[SettingFact, ...] = ()
    trouble: Callable[[], str | None] = _no_trouble
    """Why nothing can be written now, in a line without secrets; None when it can."""
