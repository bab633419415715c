"""Upstreams and their secrets. A secret's value is in a request and in no answer."""

from typing import Final

from gatepass.administration import Act
from gatepass.web.management.answers import shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import (
    ListQuery,
    RewrapForm,
    SecretCreation,
    SecretValue,
    UpstreamBody,
    UpstreamCreation,
)
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]

LARGEST_UPSTREAM: Final = 1 << 20


async def list_upstreams(call: Call) -> Answer:
    """All upstreams, without their files."""
    upstreams = await call.administration.overview.upstreams(call.operator)
    return page_of(upstreams, call.query, lambda upstream: upstream.id, call.shows.upstream_row)


async def create_upstream(call: Call) -> Answer:
    """Register an upstream."""
    form: UpstreamCreation = call.form
    upstream = await call.administration.upstreams.create(call.operator, form.name, form.form())
    return Answer(201, call.shows.upstream(upstream), location=f"/upstreams/{upstream.id}")


async def get_upstream(call: Call) -> Answer:
    """One upstream, with its file."""
    upstream = await call.administration.overview.upstream(call.operator, call.ref)
    return Answer(shown=call.shows.upstream(upstream))


async def put_upstream(call: Call) -> Answer:
    """Make an upstream what is said here."""
    form: UpstreamBody = call.form
    upstream = await call.administration.upstreams.change(call.operator, call.ref, form.form())
    return Answer(shown=call.shows.upstream(upstream))


async def disable_upstream(call: Call) -> Answer:
    """Refuse every call to an upstream."""
    upstream = await call.administration.upstreams.disable(call.operator, call.ref)
    return Answer(shown=call.shows.upstream(upstream))


async def enable_upstream(call: Call) -> Answer:
    """Let calls through again."""
    upstream = await call.administration.upstreams.enable(call.operator, call.ref)
    return Answer(shown=call.shows.upstream(upstream))


async def delete_upstream(call: Call) -> Answer:
    """Forget an upstream and its secret."""
    await call.administration.upstreams.delete(call.operator, call.ref)
    return Answer(204)


async def list_secrets(call: Call) -> Answer:
    """All secrets, by name."""
    secrets = await call.administration.overview.secrets(call.operator)
    return page_of(secrets, call.query, lambda secret: secret.id, call.shows.secret)


async def get_secret(call: Call) -> Answer:
    """One secret: its name and where it goes, never its value."""
    return Answer(shown=call.shows.secret(await call.administration.overview.secret(call.operator, call.ref)))


async def store_secret(call: Call) -> Answer:
    """Take a secret into custody."""
    form: SecretCreation = call.form
    value = form.value.get_secret_value().encode()
    secret = await call.administration.secrets.store(call.operator, form.name, form.upstream, value)
    return Answer(201, call.shows.secret(secret), location=f"/secrets/{secret.id}")


async def replace_secret(call: Call) -> Answer:
    """Put a new value in the place of the old one."""
    form: SecretValue = call.form
    value = form.value.get_secret_value().encode()
    return Answer(shown=call.shows.secret(await call.administration.secrets.replace(call.operator, call.ref, value)))


async def delete_secret(call: Call) -> Answer:
    """Forget a secret."""
    await call.administration.secrets.delete(call.operator, call.ref)
    return Answer(204)


async def rewrap_secrets(call: Call) -> Answer:
    """Wrap all secrets anew."""
    form: RewrapForm = call.form
    count = await call.administration.secrets.rewrap(call.operator, new_key=form.new_key)
    return Answer(shown=shapes.Rewrapped(rewrapped=count))


def _upstream(call: Call) -> shapes.Upstream:
    return call.shows.upstream(call.administration.desk.register.upstream(call.ref))


def _secret(call: Call) -> shapes.Secret:
    return call.shows.secret(call.administration.desk.register.secret(call.ref))


_FILES: Final = ("conflict", "malformed_catalogue", "malformed_scope")

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/upstreams",
        handle=list_upstreams,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.UpstreamRow],
    ),
    Operation(
        method="POST",
        path="/upstreams",
        handle=create_upstream,
        body=UpstreamCreation,
        largest=LARGEST_UPSTREAM,
        acts=(Act.CREATE_UPSTREAM,),
        status=201,
        answer=shapes.Upstream,
        once=True,
        codes=_FILES,
    ),
    Operation(method="GET", path="/upstreams/{ref}", handle=get_upstream, acts=(Act.READ,), answer=shapes.Upstream),
    Operation(
        method="PUT",
        path="/upstreams/{ref}",
        handle=put_upstream,
        body=UpstreamBody,
        largest=LARGEST_UPSTREAM,
        acts=(Act.CHANGE_UPSTREAM,),
        answer=shapes.Upstream,
        current=_upstream,
        codes=_FILES,
    ),
    Operation(
        method="DELETE",
        path="/upstreams/{ref}",
        handle=delete_upstream,
        acts=(Act.DELETE_UPSTREAM,),
        status=204,
        current=_upstream,
        codes=("conflict",),
    ),
    Operation(
        method="POST",
        path="/upstreams/{ref}/disable",
        handle=disable_upstream,
        acts=(Act.DISABLE_UPSTREAM,),
        answer=shapes.Upstream,
        current=_upstream,
        codes=("conflict",),
    ),
    Operation(
        method="POST",
        path="/upstreams/{ref}/enable",
        handle=enable_upstream,
        acts=(Act.ENABLE_UPSTREAM,),
        answer=shapes.Upstream,
        current=_upstream,
    ),
    Operation(
        method="GET",
        path="/secrets",
        handle=list_secrets,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.Secret],
    ),
    Operation(
        method="POST",
        path="/secrets",
        handle=store_secret,
        body=SecretCreation,
        largest=1 << 18,
        acts=(Act.STORE_SECRET,),
        status=201,
        answer=shapes.Secret,
        once=True,
        codes=("conflict", "not_found"),
    ),
    Operation(
        method="POST",
        path="/secrets/rewrap",
        handle=rewrap_secrets,
        body=RewrapForm,
        optional=True,
        acts=(Act.REWRAP_SECRETS,),
        answer=shapes.Rewrapped,
        codes=("key_unusable", "secret_unreadable"),
    ),
    Operation(method="GET", path="/secrets/{ref}", handle=get_secret, acts=(Act.READ,), answer=shapes.Secret),
    Operation(
        method="PUT",
        path="/secrets/{ref}",
        handle=replace_secret,
        body=SecretValue,
        largest=1 << 18,
        acts=(Act.STORE_SECRET,),
        answer=shapes.Secret,
        current=_secret,
        codes=("conflict",),
    ),
    Operation(
        method="DELETE",
        path="/secrets/{ref}",
        handle=delete_secret,
        acts=(Act.DELETE_SECRET,),
        status=204,
        current=_secret,
    ),
)
