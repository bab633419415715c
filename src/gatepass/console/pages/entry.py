"""Signing in, signing out, one's own password; and signing in once more in the middle of something.

Codes and passwords come by POST alone. The link that `gatepass up` prints carries its code in the fragment, which
no browser sends to anybody: a script of ours puts it into the form, and a person presses the button; so whatever
fetches links in advance spends nothing. Who has to sign in again keeps what they typed: it comes back with the
form and is done under the new session, by the same person only. What was secret in it is not carried along.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Json
from gatepass.console import session
from gatepass.console.asking import Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Bridge, Members
from gatepass.console.forms import LARGEST_FORM, Fields
from gatepass.console.guarding import check_token
from gatepass.errors import Denied, Error, Malformed, Unauthenticated
from gatepass.gateway.requests import Headers
from gatepass.web.bodies import read_pairs
from gatepass.web.problems import status_of

__all__ = ["ROUTES", "Again", "sign_in_page"]

SECRET: Final = frozenset({"value", "password", "code"})
"""Fields that never come back into a page."""
HOME: Final = "/console"
_OURS: Final = re.compile(r"/console(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*(?:\?[A-Za-z0-9._~%&=+:-]*)?", re.ASCII)
_MOST: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A form that is sent on as it was, now that its person has signed in."""

    path: str
    form: Fields
    token: str = field(repr=False)
    headers: Headers = field(repr=False)


async def sign_in_page(asking: Asking, error: Unauthenticated) -> Answer:
    """Ask who it is, and keep what they were doing."""
    if asking.partial:
        raise error
    person = await _who(asking) if error.code == "reauthentication_required" else None
    if asking.method == "GET":
        to = asking.path + (f"?{asking.query.encoded()}" if asking.query else "")
        if person is None:
            return Redirect(to=f"{HOME}/sign-in" if to == HOME else f"{HOME}/sign-in?{Fields([('to', to)]).encoded()}")
        return _form(asking, to=to, person=person)
    carried = asking.form.without("csrf", *SECRET)
    lost = any(name in asking.form for name in SECRET)
    back = _back(asking)
    if lost:
        return _form(asking, to=back, person=person, notice="signed-in-again", status=401)
    return _form(asking, to=back, person=person, kept=carried.encoded(), kept_for=asking.path, status=401)


async def enter(asking: Asking) -> Answer:
    """The form, or the way in for who is signed in already."""
    to = _safe(asking.query.one("to"))
    if asking.signed_in and await _who(asking) is not None:
        return Redirect(to=to)
    crossed = any(name == b"sec-fetch-site" and value == b"cross-site" for name, value in asking.headers)
    return _form(asking, to=to, status=200, crossed=crossed)


async def sign_in(asking: Asking) -> "Answer | Again":
    """Spend a code, or show a name and a password."""
    form = asking.form
    to, kept, kept_for = _safe(form.one("to")), form.exact("kept"), _safe(form.one("kept_for"))
    if kept and asking.api.token is not None:
        check_token(asking.api.token, form.one("csrf"))
    person = form.one("person") or None
    stranger = Bridge(api=asking.api.api, host=asking.api.host, client=asking.api.client)
    try:
        opened = await stranger.post("session", body=_shown(form))
    except (Unauthenticated, Denied, Malformed) as error:
        status = status_of(error)
        return _form(
            asking,
            to=to,
            kept=kept,
            kept_for=kept_for,
            person=person,
            error=error,
            status=status,
            notice=form.one("notice"),
        )
    if asking.api.token is not None:
        with suppress(Error):  # the one before ends by itself at the latest; who has just signed in goes on
            await asking.api.delete("session")
    token = str(opened["token"])
    headers = session.kept(token, str(opened["expires_at"]), asking.now, asking.headers)
    asking.api = Bridge(api=stranger.api, host=stranger.host, client=stranger.client, token=token)
    if kept and person in {None, opened["person"]}:
        return Again(path=kept_for, form=_restored(kept), token=token, headers=headers)
    if "code" in form and not _has_password(await asking.status()):
        return Redirect(to=f"{HOME}/password", headers=headers)
    notice = "signed-in-again" if form.one("notice") == "signed-in-again" else None
    return Redirect(to=to, notice=notice, headers=headers)


async def sign_out(asking: Asking) -> Answer:
    """End the session, here and at the API."""
    with suppress(Unauthenticated):
        await asking.api.delete("session")
    return Redirect(to=f"{HOME}/sign-in", headers=session.cleared())


async def password(asking: Asking) -> Answer:
    """The form for one's own password."""
    await asking.require_fresh()
    return Page(template="password.html", values={"first": not _has_password(await asking.status()), "error": None})


async def set_password(asking: Asking) -> Answer:
    """Set it."""
    first = not _has_password(await asking.status())
    try:
        await asking.api.post("session", "password", body={"password": _typed_twice(asking.form)})
    except (Malformed, Denied) as error:
        return Page(template="password.html", values={"first": first, "error": error}, status=status_of(error))
    return Redirect(to=HOME, notice="password-set")


def _form(
    asking: Asking,
    *,
    to: str,
    kept: str = "",
    kept_for: str = "",
    person: str | None = None,
    error: Error | None = None,
    status: int = 401,
    notice: str = "",
    crossed: bool = False,
) -> Page:
    values = {
        "to": to,
        "kept": kept,
        "kept_for": kept_for,
        "person": person,
        "error": error,
        "again": notice,
        "crossed": crossed,
        "name": asking.form.one("name"),
    }
    return Page(template="sign-in.html", values=values, status=status)


def _shown(form: Fields) -> Members:
    code = form.one("code")
    if code:
        return {"code": code}
    said: dict[str, Json] = {"name": form.one("person") or form.one("name"), "password": form.exact("password")}
    if not said["name"] or not said["password"]:
        raise Malformed("malformed_request", "type a code, or a name and a password")
    return said


def _typed_twice(form: Fields) -> str:
    if form.exact("password") != form.exact("repeated"):
        raise Malformed("malformed_request", "the two passwords differ", hint="Type the same password twice.")
    return form.exact("password")


def _restored(kept: str) -> Fields:
    try:
        return Fields(read_pairs(kept.encode("utf-8", "replace"), largest=LARGEST_FORM, most=_MOST, what="form"))
    except Malformed:
        return Fields()


def _back(asking: Asking) -> str:
    """The page that a form was on, as it says itself; else the overview."""
    return _safe(asking.form.one("back"))


def _safe(to: str) -> str:
    """A place of ours, never another's; the overview for anything else."""
    return to if _OURS.fullmatch(to) and not to.startswith(f"{HOME}/sign-in") else HOME


async def _who(asking: Asking) -> str | None:
    """Whose session it is, if it is one."""
    try:
        person = (await asking.status())["person"]
    except Unauthenticated:
        return None
    return str(person["name"]) if isinstance(person, dict) else None


def _has_password(status: Members) -> bool:
    person = status["person"]
    return isinstance(person, dict) and person["has_password"] is True


ROUTES: Final = (
    Route("GET", "/sign-in", enter, stranger=True),
    Route("POST", "/sign-in", sign_in, stranger=True),  # type: ignore[arg-type]  # the one page that has others repeated
    Route("POST", "/sign-out", sign_out),
    Route("GET", "/password", password),
    Route("POST", "/password", set_password),
)
