"""What an object that holds secret bytes must not do by accident: be shown, copied, compared or written down.

The law: no ordinary use of a guarded object (printing, formatting, logging, a debugger's or a traceback's list of
locals, pickling, copying, JSON) yields its bytes. Refusals raise `TypeError`, as Python does for what has no such
operation. What this cannot do is stop code that reaches into the slots on purpose, or a reader of the process's memory.
"""

from typing import NoReturn, SupportsIndex

__all__ = ["Guarded"]


class Guarded:
    """Base of everything that holds key material. A subclass declares `__slots__` and its own `__repr__`."""

    __slots__ = ()

    __hash__ = None  # type: ignore[assignment]  # no dictionary, set or cache may be keyed by a secret

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str, /) -> str:
        return repr(self)

    def __dir__(self) -> list[str]:
        """Only public names, so that an inspector that walks `dir` does not fetch the slots."""
        return [name for kind in type(self).__mro__ for name in vars(kind) if not name.startswith("_")]

    def __eq__(self, other: object, /) -> NoReturn:
        self._refuse("compared")

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        self._refuse("serialised")

    def __getstate__(self) -> NoReturn:
        self._refuse("serialised")

    def __copy__(self) -> NoReturn:
        self._refuse("copied")

    def __deepcopy__(self, memo: dict[int, object], /) -> NoReturn:
        self._refuse("copied")

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(f"{self!r} must not be {what}")
