"""An upstream's secret in the clear, for as long as one use takes.

The law: there is one way to the plaintext, `expose_to`, and `grep expose_to` lists every place of the product that sees
it. Nothing else yields it: no printing, formatting, comparing, copying, pickling, iterating, no list of locals. An
exception that comes out of a use carries neither the plaintext nor a frame that held it.

The buffer is ours alone and is overwritten when the secret is forgotten or dropped. What `expose_to` hands out is an
immutable copy, as every HTTP library needs one, and copies that others made cannot be overwritten: whoever can read
this process's memory is trusted, and `docs/custody.md` says so.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar, final

from gatepass.access import SecretId
from gatepass.errors import Error, Unavailable
from gatepass.keys import Guarded

__all__ = ["Secret"]

T = TypeVar("T")


@final
class Secret(Guarded):
    """One opened secret. Made by `Custody.open` alone; used once, at once, and dropped."""

    __slots__ = ("_plaintext", "id", "origin")

    def __init__(self, id: SecretId, origin: str, plaintext: bytearray) -> None:  # noqa: A002 - the record's own word
        """Take over `plaintext`; whoever made it keeps no other reference."""
        self.id = id
        self.origin = origin
        self._plaintext = plaintext

    def __init_subclass__(cls, **_: object) -> NoReturn:
        raise TypeError("a secret has one exit; no subclass adds another")

    def expose_to(self, use: Callable[[bytes], T]) -> T:
        """Give the plaintext to `use` and return what it makes of it, which from then on is the caller's to guard.

        An `Error` of ours passes, stripped of its frames. Anything else that `use` raises is replaced by `Unavailable`
        (`secret_unusable`): a decoding error, for one, holds the very bytes that it could not decode.
        """
        if not self._plaintext:
            raise TypeError(f"{self!r} has been forgotten")
        try:
            return use(bytes(self._plaintext))
        except Error as error:
            failure: BaseException = error
        except Exception as error:  # noqa: BLE001  # `use` is somebody else's code
            failure = Unavailable("secret_unusable", "the upstream's secret does not fit where it is to be put")
            failure.add_note(f"{type(error).__name__} in the use of {self!r}")
        except BaseException as error:  # noqa: BLE001  # `use` is somebody else's code, and was interrupted
            failure = error
        failure.__traceback__ = failure.__cause__ = failure.__context__ = None
        raise failure

    def forget(self) -> None:
        """Overwrite the plaintext. The secret cannot be used afterwards."""
        self._plaintext[:] = bytes(len(self._plaintext))
        self._plaintext.clear()

    def __del__(self) -> None:
        # Made only in part when taking over failed: then there is nothing to overwrite.
        if hasattr(self, "_plaintext"):
            self.forget()

    def __repr__(self) -> str:
        return f"<secret {self.id}>"
