"""Trust rules: whose tokens prove which agent, what is unwise about each rule, and what they would say to a token.

A token that is tried here is shown to the rules and to nobody else: it does not come back into the page.
"""

from collections.abc import Mapping
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.console.asking import CORRECTABLE, Answer, Asking, Page, Redirect, Route
from gatepass.console.bridge import Members
from gatepass.errors import Error, Malformed
from gatepass.web.problems import status_of

__all__ = ["ROUTES"]


async def index(asking: Asking) -> Answer:
    """All rules."""
    return await _page(asking)


async def trial(asking: Asking) -> Answer:
    """What each rule would say to a token, or to claims that somebody wrote down, and why."""
    form = asking.form
    try:
        said: dict[str, Json] = {"rule": form.one("rule") or None}
        if form.one("value"):
            said["token"] = form.one("value")
        else:
            said["claims"] = _claims(form.one("claims"))
        body = {name: value for name, value in said.items() if value is not None}
        found = await asking.api.post("trust-trials", body=body)
    except CORRECTABLE as error:
        return await _page(asking, error)
    return await _page(asking, trials=found)


async def delete(asking: Asking) -> Answer:
    """Believe nobody under a rule any more."""
    await asking.api.delete("trust-rules", asking.ref)
    return Redirect(to="/console/trust", notice="trust-deleted", subject=asking.ref)


def _claims(text: str) -> Mapping[str, Json]:
    if not text:
        raise Malformed("malformed_request", "there is nothing to try", hint="Paste a token, or write its claims.")
    try:
        value = exact.read(text)
    except Malformed as error:
        raise Malformed(error.code, f"`claims`: {error.message}", hint=error.hint) from None
    if not isinstance(value, Mapping):
        raise Malformed("malformed_request", "`claims`: expected an object")
    return value


async def _page(asking: Asking, error: Error | None = None, trials: Members | None = None) -> Page:
    rules, following = await asking.api.part("trust-rules", cursor=asking.query.one("cursor") or None, limit="100")
    return Page(
        template="estate/trust.html",
        status=status_of(error) if error else 200,
        values={
            "rules": rules,
            "next": following,
            "trials": trials,
            "error": error,
            "typed": {name: asking.form.exact(name) for name in ("rule", "claims")},
        },
    )


ROUTES: Final = (
    Route("GET", "/trust", index),
    Route("POST", "/trust", trial),
    Route("POST", "/trust/{ref}/delete", delete),
)
