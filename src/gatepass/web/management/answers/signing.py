"""What is shown of a signing key: its public id, and what it is good for now."""

from gatepass.access import Instant
from gatepass.administration.store import IssuerKey
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.words import instant

__all__ = ["signing_key_shown"]


def signing_key_shown(key: IssuerKey, now: Instant) -> shapes.SigningKey:
    """A key, as it stands at `now`."""
    return shapes.SigningKey(
        id=key.id,
        state=key.state(now).value,
        created_at=instant(key.created),
        begins_at=instant(key.begins),
        ends_at=instant(key.ends),
        withdrawn_at=instant(key.withdrawn),
        withdrawn_because=key.because,
    )
