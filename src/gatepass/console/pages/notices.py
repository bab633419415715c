"""What is said after something was done: one of these sentences, about one thing, sealed for one session.

It travels in the address of the page that follows (nothing is stored), so a reload says it again. A seal that does
not fit, or a code that is not listed, says nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from gatepass.console.asking import Asking, Redirect
from gatepass.console.guarding import sealed, unsealed

__all__ = ["NEXT", "NOTICES", "Notice", "announced", "sealed_notice"]

NOTICES: Final[Mapping[str, str]] = {
    "password-set": "Your password is set. Other sessions of yours have ended.",
    "signed-in-again": "You are signed in. Do it once more, and enter what was secret again.",
    "agent-created": "The agent {} is there. It can do nothing until it has a token.",
    "agent-changed": "The agent {} is changed. It holds from its next call on.",
    "agent-limited": "The tokens of {} start with other limits now; those that had them as given follow.",
    "agent-disabled": "The agent {} is disabled. Its tokens are revoked for good; its calls are refused from now on.",
    "agent-enabled": "The agent {} is enabled. Its old tokens stay revoked; give it a new one.",
    "tokens-revoked": "Every token of {} is revoked. Calls under way were cut.",
    "limits-changed": "The limits of {} are changed. They hold from its next call on.",
    "token-revoked": "The token {} is revoked for good, and nothing is permitted under it any more.",
    "trust-deleted": "Nobody is believed under the rule {} any more.",
    "run-ended": "The run {} has ended, and every credential in it with it.",
    "upstream-created": "The upstream {} is registered. Its calls are refused until it has its secret.",
    "upstream-open": "The upstream {} is registered. It needs no secret.",
    "upstream-changed": "The upstream {} is changed. It holds from the next call on.",
    "upstream-disabled": "The upstream {} is disabled. Calls under way were cut; nothing gets through.",
    "upstream-enabled": "The upstream {} is open again.",
    "upstream-deleted": "The upstream {} and its secret are forgotten.",
    "secret-stored": "The secret {} is sealed. Nobody can read it back.",
    "secret-replaced": "The secret {} is replaced. The next call goes out with the new value.",
    "secret-deleted": "The secret {} is forgotten. Its upstream's calls are refused until it has another.",
    "secrets-rewrapped": "Wrapped anew: {}.",
    "role-created": "The role {} is there. Nobody is in it yet.",
    "role-saved": "The role {} is saved. It holds for every token under it from the next call on.",
    "role-deleted": "The role {} is deleted.",
    "person-changed": "{} has another operator role from their next request on.",
    "person-disabled": "{} is disabled, and all that was theirs is revoked.",
}
"""`{}` stands for the name of the thing."""

NEXT: Final[Mapping[str, tuple[str, str, str]]] = {
    "upstream-created": ("secret.store", "Store its secret", "/console/secrets/_new?upstream={}"),
    "upstream-open": ("role.widen", "Make a role that may use it", "/console/roles/_new"),
    "secret-stored": ("role.widen", "Make a role that may use its upstream", "/console/roles/_new"),
    "role-created": ("agent.create", "Add an agent in it", "/console/agents/_new?role={}"),
    "agent-created": ("token.create", "Give it a token", "/console/tokens/_new?agent={}"),
}
"""What follows on the way to a working token: the act that it takes, what it is called, and where it is done."""

_LONGEST: Final = 80


def sealed_notice(answer: Redirect, asking: Asking) -> str:
    """The address to go to, with the notice in it."""
    if answer.notice is None or asking.api.token is None:
        return answer.to
    text = f"{answer.notice}:{answer.subject[:_LONGEST]}"
    return f"{answer.to}{'&' if '?' in answer.to else '?'}{urlencode({'done': sealed(asking.api.token, text)})}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said, and where to go on."""

    says: str
    next: tuple[str, str] | None = None
    """What it is called and where it is; None where nothing follows that this person may do."""


def announced(asking: Asking, may: Collection[str]) -> Notice | None:
    """What to say on this page, to who may do that."""
    text = asking.query.one("done")
    if not text or asking.api.token is None:
        return None
    code, _, subject = (unsealed(asking.api.token, text) or "").partition(":")
    sentence = NOTICES.get(code)
    if sentence is None:
        return None
    act, words, place = NEXT.get(code, ("", "", ""))
    following = (words, place.replace("{}", quote(subject, safe=""))) if act in may else None
    return Notice(sentence.replace("{}", subject), following)
