"""The shape of a signing key."""

from typing import Literal

from gatepass.web.management.answers.shapes.things import Moment, Shape

__all__ = ["SigningKey"]


class SigningKey(Shape):
    """One of the issuer's keys, by `kid`."""

    id: str
    state: Literal["next", "current", "retired", "over", "withdrawn"]
    created_at: Moment
    begins_at: Moment
    ends_at: Moment | None
    withdrawn_at: Moment | None
    withdrawn_because: str | None
