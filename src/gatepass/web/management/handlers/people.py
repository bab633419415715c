"""Sessions and people."""

from typing import Final

import msgspec

from gatepass.administration import Act
from gatepass.errors import Malformed
from gatepass.web.management.answers import instant, shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import ListQuery, PasswordForm, PersonChange, PersonCreation, SessionForm
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]


async def sign_in(call: Call) -> Answer:
    """Spend a one-time code, or show a name and a password, for a session."""
    form: SessionForm = call.form
    sessions = call.administration.sessions
    by_password = form.name is not None and form.password is not None
    if form.code is not None and form.name is None and form.password is None:
        issued = await sessions.with_code(form.code.get_secret_value(), call.source)
    elif form.code is None and form.name is not None and form.password is not None and by_password:
        issued = await sessions.with_password(form.name, form.password.get_secret_value(), call.source)
    else:
        raise Malformed("malformed_request", "expected either `code`, or `name` and `password`")
    return Answer(201, call.shows.session(issued))


async def sign_out(call: Call) -> Answer:
    """End the session that asks."""
    await call.administration.sessions.end(call.operator)
    return Answer(204)


async def set_password(call: Call) -> Answer:
    """Set the password of whoever asks."""
    form: PasswordForm = call.form
    await call.administration.sessions.set_password(call.operator, form.password.get_secret_value())
    return Answer(204)


async def list_people(call: Call) -> Answer:
    """Everybody."""
    people = await call.administration.overview.people(call.operator)
    return page_of(people, call.query, lambda person: person.id, call.shows.person)


async def create_person(call: Call) -> Answer:
    """Add a person, and a code by which they sign in first."""
    form: PersonCreation = call.form
    person = await call.administration.people.create(call.operator, form.name, form.operator)
    invited, shown = await _invited(call, person.id), msgspec.structs.asdict(call.shows.person(person))
    return Answer(201, shapes.PersonInvited(**shown, **msgspec.structs.asdict(invited)))


async def get_person(call: Call) -> Answer:
    """One person."""
    return Answer(shown=call.shows.person(await call.administration.overview.person(call.operator, call.ref)))


async def change_person(call: Call) -> Answer:
    """Give a person another operator role, or none."""
    form: PersonChange = call.form
    changed = await call.administration.people.change(call.operator, call.ref, form.operator)
    return Answer(shown=call.shows.person(changed))


async def invite(call: Call) -> Answer:
    """A new code, for somebody who has no password or lost it."""
    return Answer(201, await _invited(call, call.ref))


async def disable_person(call: Call) -> Answer:
    """Disable a person and revoke all that is theirs."""
    person = await call.administration.people.disable(call.operator, call.ref)
    return Answer(shown=call.shows.person(person))


async def _invited(call: Call, ref: str) -> shapes.Invitation:
    code = await call.administration.sessions.invite(call.operator, ref)
    return shapes.Invitation(code=code.text, code_expires_at=instant(code.expires))


def _person(call: Call) -> shapes.Person:
    return call.shows.person(call.administration.desk.register.person(call.ref))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/session",
        handle=sign_in,
        body=SessionForm,
        stranger=True,
        status=201,
        answer=shapes.Session,
        codes=("sign_in_failed", "limit_exceeded"),
    ),
    Operation(method="DELETE", path="/session", handle=sign_out, acts=(Act.END_SESSION,), status=204),
    Operation(
        method="POST",
        path="/session/password",
        handle=set_password,
        body=PasswordForm,
        acts=(Act.SET_PASSWORD,),
        status=204,
    ),
    Operation(
        method="GET",
        path="/people",
        handle=list_people,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.Person],
    ),
    Operation(
        method="POST",
        path="/people",
        handle=create_person,
        body=PersonCreation,
        acts=(Act.CREATE_PERSON,),
        status=201,
        answer=shapes.PersonInvited,
        once=True,
        codes=("conflict",),
    ),
    Operation(method="GET", path="/people/{ref}", handle=get_person, acts=(Act.READ,), answer=shapes.Person),
    Operation(
        method="PATCH",
        path="/people/{ref}",
        handle=change_person,
        body=PersonChange,
        acts=(Act.PROMOTE_PERSON, Act.DEMOTE_PERSON),
        answer=shapes.Person,
        current=_person,
        codes=("conflict",),
    ),
    Operation(
        method="POST",
        path="/people/{ref}/code",
        handle=invite,
        acts=(Act.INVITE_PERSON,),
        status=201,
        answer=shapes.Invitation,
        current=_person,
        once=True,
    ),
    Operation(
        method="POST",
        path="/people/{ref}/disable",
        handle=disable_person,
        acts=(Act.DISABLE_PERSON,),
        answer=shapes.Person,
        current=_person,
        codes=("conflict",),
    ),
)
