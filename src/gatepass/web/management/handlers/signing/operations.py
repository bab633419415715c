"""The issuer's signing keys. No answer holds a private half: nobody here can get at one."""

from typing import Final

from gatepass.administration import Act
from gatepass.web.management.answers import shapes, signing_key_shown
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import ListQuery, Reason
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]


async def list_signing_keys(call: Call) -> Answer:
    """All keys, the latest to sign first."""
    now = call.administration.desk.clock()
    keys = await call.administration.signing.all(call.operator)
    return page_of(keys, call.query, lambda key: key.id, lambda key: signing_key_shown(key, now))


async def rotate_signing_key(call: Call) -> Answer:
    """Let the next key sign from now on."""
    key = await call.administration.signing.rotate(call.operator)
    return Answer(shown=signing_key_shown(key, call.administration.desk.clock()))


async def withdraw_signing_key(call: Call) -> Answer:
    """Refuse everything that a key has signed, at once and for good."""
    form: Reason = call.form
    key = await call.administration.signing.withdraw(call.operator, call.ref, form.reason or "")
    return Answer(shown=signing_key_shown(key, call.administration.desk.clock()))


def _key(call: Call) -> shapes.SigningKey:
    return signing_key_shown(call.administration.signing.one(call.ref), call.administration.desk.clock())


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/signing-keys",
        handle=list_signing_keys,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.SigningKey],
    ),
    Operation(
        method="POST",
        path="/signing-keys/rotate",
        handle=rotate_signing_key,
        acts=(Act.ROTATE_SIGNING_KEY,),
        answer=shapes.SigningKey,
        codes=("conflict",),
    ),
    Operation(
        method="POST",
        path="/signing-keys/{ref}/withdraw",
        handle=withdraw_signing_key,
        body=Reason,
        optional=True,
        acts=(Act.WITHDRAW_SIGNING_KEY,),
        answer=shapes.SigningKey,
        current=_key,
    ),
)
