"""Custody: sealed secrets stay sealed until the moment of use, and are opened for one destination.

The law: a secret is opened only for the upstream and the exact origin that it was sealed for. An upstream that has
been pointed elsewhere since gets nothing, whoever pointed it there: its secret has to be stored again by somebody who
knows it. The check here gives the reason; the authenticated data of the sealing would refuse in any case.
"""

from collections.abc import Callable

from gatepass.errors import Unavailable
from gatepass.keys import Destination, Keyring, SealedSecret, origin_of
from gatepass.keys.unsealing import unseal
from gatepass.vault.secret import Secret

__all__ = ["Custody"]


class Custody:
    """Opens sealed secrets. `keyring` is asked anew each time, so that a rotation takes effect at once."""

    __slots__ = ("_keyring",)

    def __init__(self, keyring: Callable[[], Keyring]) -> None:
        self._keyring = keyring

    def open(self, sealed: SealedSecret, upstream: Destination) -> Secret:
        """The secret, to be sent to `upstream` at its present origin and nowhere else.

        Raises `Unavailable`: `secret_bound_elsewhere` for another upstream or origin, `secret_unreadable` when the
        record was changed or its key is gone. Raises `Malformed` for a target that has no origin.
        """
        origin = origin_of(upstream)
        if sealed.upstream != upstream.id or sealed.origin != origin:
            raise Unavailable("secret_bound_elsewhere", "the secret is bound to another upstream or another address")
        return Secret(sealed.id, origin, unseal(self._keyring(), sealed))
