"""Tokens, and taking them away."""

from collections.abc import Iterable, Mapping
from typing import Final

from gatepass.access import Json
from gatepass.administration import Act, TokenForm, TokenState
from gatepass.credentials import IssuedRecord, TokenRecord, WithdrawnLink
from gatepass.errors import Malformed
from gatepass.web.management.answers import shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import (
    ExplainQuestion,
    LeakReport,
    Reason,
    Revocation,
    RotationForm,
    TokenChange,
    TokenCreation,
    TokenQuery,
)
from gatepass.web.management.handlers.pages import part_of

__all__ = ["OPERATIONS"]

LARGEST_LEAK: Final = 20 * 1024


async def list_tokens(call: Call) -> Answer:
    """All tokens but sessions, or one's own."""
    query: TokenQuery = call.query
    overview = call.administration.overview
    tokens = await overview.tokens(call.operator, query.agent, query.owner, TokenState(query.state))
    page, following = part_of(tokens, query, lambda token: token.id)
    used = await overview.last_used(page)
    shown = [call.shows.token(token, used.get(token.id)) for token in page]
    return Answer(shown=shapes.Page(items=shown, next=following))


async def create_token(call: Call) -> Answer:
    """Issue a token. Its text is in this answer and nowhere else."""
    form: TokenCreation = call.form
    asked = TokenForm(
        name=form.name,
        agent=form.agent,
        scopes=form.scopes,
        lifetime=_milliseconds(form.lifetime_seconds),
        purpose=form.purpose,
        limits=form.limits.changes(),
        run=form.run,
    )
    issued = await call.administration.tokens.create(call.operator, asked)
    return Answer(201, call.shows.issued(issued), location=f"/tokens/{issued.record.id}")


async def get_token(call: Call) -> Answer:
    """One token, without its secret."""
    return await _shown(call, await call.administration.overview.token(call.operator, call.ref))


async def change_token(call: Call) -> Answer:
    """Change a token's limits."""
    form: TokenChange = call.form
    changed = await call.administration.tokens.amend(call.operator, call.ref, form.limits.changes())
    return await _shown(call, changed)


async def rotate_token(call: Call) -> Answer:
    """Put a new secret in the place of the old one."""
    form: RotationForm = call.form
    issued = await call.administration.tokens.rotate(
        call.operator,
        call.ref,
        overlap=form.overlap_seconds * 1000,
        lifetime=_milliseconds(form.lifetime_seconds),
    )
    return Answer(201, call.shows.issued(issued), location=f"/tokens/{issued.record.id}")


async def revoke_token(call: Call) -> Answer:
    """Revoke one token."""
    form: Reason = call.form
    return _revoked(await call.administration.revoking.token(call.operator, call.ref, form.reason or ""))


async def explain(call: Call) -> Answer:
    """What would happen to an attempt, and why, without making it."""
    attempt = call.exact["attempt"] if isinstance(call.exact, dict) else None
    if not isinstance(attempt, dict):
        raise Malformed("malformed_request", "`attempt`: expected an object")
    said: Json = await call.administration.overview.explain(call.operator, call.ref, attempt)
    if not isinstance(said, Mapping):
        raise TypeError("an explanation is an object")
    return Answer(shown=shapes.Explained(explanation=dict(said)))


async def blast_radius(call: Call) -> Answer:
    """Everything that a token can reach."""
    found = await call.administration.overview.blast_radius(call.operator, call.ref)
    used = await call.administration.overview.last_used([found.token])
    return Answer(shown=call.shows.blast_radius(found, used.get(found.token.id)))


async def revoke(call: Call) -> Answer:
    """Revoke a token, an agent's, a person's, or everything."""
    form: Revocation = call.form
    revoking, because = call.administration.revoking, form.reason or ""
    if (form.id is None) is not (form.scope == "everything"):
        raise Malformed("malformed_request", "`id`: expected for every scope but `everything`")
    if form.id is None:
        return _revoked(await revoking.everything(call.operator, because))
    by_scope = {"token": revoking.token, "agent": revoking.agent, "person": revoking.person}
    return _revoked(await by_scope[form.scope](call.operator, form.id, because))


async def report_leak(call: Call) -> Answer:
    """Revoke a token by showing all of it. The answer says nothing of whether there was one."""
    form: LeakReport = call.form
    await call.administration.revoking.leaked(form.token.get_secret_value())
    return Answer(202, shapes.Received(received=True))


async def _shown(call: Call, token: TokenRecord) -> Answer:
    used = await call.administration.overview.last_used([token])
    return Answer(shown=call.shows.token(token, used.get(token.id)))


def _revoked(tokens: Iterable[TokenRecord | IssuedRecord | WithdrawnLink]) -> Answer:
    return Answer(shown=shapes.Revoked(revoked=[shapes.RevokedToken(id=token.id, name=token.name) for token in tokens]))


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000


def _token(call: Call) -> shapes.Token:
    return call.shows.token(call.administration.desk.register.token(call.ref))


_TERMS: Final = ("conflict", "not_found", "ceiling_exceeded", "too_broad", "too_long", "admin_not_storable")

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/tokens",
        handle=list_tokens,
        query=TokenQuery,
        acts=(Act.READ_OWN,),
        answer=shapes.Page[shapes.Token],
        codes=("not_found",),
    ),
    Operation(
        method="POST",
        path="/tokens",
        handle=create_token,
        body=TokenCreation,
        largest=1 << 18,
        acts=(Act.CREATE_TOKEN, Act.CREATE_PERSON_TOKEN),
        status=201,
        answer=shapes.IssuedToken,
        once=True,
        codes=(*_TERMS, "malformed_scope", "unknown_scope", "role_forbids"),
    ),
    Operation(method="GET", path="/tokens/{ref}", handle=get_token, acts=(Act.READ_OWN,), answer=shapes.Token),
    Operation(
        method="PATCH",
        path="/tokens/{ref}",
        handle=change_token,
        body=TokenChange,
        acts=(Act.WIDEN_TOKEN, Act.NARROW_TOKEN),
        answer=shapes.Token,
        current=_token,
        codes=_TERMS,
    ),
    Operation(
        method="POST",
        path="/tokens/{ref}/rotate",
        handle=rotate_token,
        body=RotationForm,
        optional=True,
        acts=(Act.ROTATE_TOKEN, Act.WIDEN_TOKEN),
        status=201,
        answer=shapes.IssuedToken,
        current=_token,
        once=True,
        codes=_TERMS,
    ),
    Operation(
        method="POST",
        path="/tokens/{ref}/revoke",
        handle=revoke_token,
        body=Reason,
        optional=True,
        acts=(Act.REVOKE_TOKEN,),
        answer=shapes.Revoked,
        current=_token,
    ),
    Operation(
        method="POST",
        path="/tokens/{ref}/explain",
        handle=explain,
        body=ExplainQuestion,
        exact=True,
        largest=1 << 20,
        acts=(Act.READ_OWN,),
        answer=shapes.Explained,
    ),
    Operation(
        method="GET",
        path="/tokens/{ref}/blast-radius",
        handle=blast_radius,
        acts=(Act.READ_OWN,),
        answer=shapes.BlastRadius,
    ),
    Operation(
        method="POST",
        path="/revocations",
        handle=revoke,
        body=Revocation,
        acts=(Act.REVOKE_TOKEN, Act.REVOKE_AGENT, Act.REVOKE_PERSON, Act.REVOKE_EVERYTHING),
        answer=shapes.Revoked,
        codes=("not_found",),
    ),
    Operation(
        method="POST",
        path="/leaked",
        handle=report_leak,
        body=LeakReport,
        largest=LARGEST_LEAK,
        stranger=True,
        status=202,
        answer=shapes.Received,
        codes=("malformed_token",),
    ),
)
