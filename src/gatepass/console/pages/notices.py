"""What is said after something was done: one of these sentences, about one thing, sealed for one session.

It travels in the address of the page that follows (nothing is stored), so a reload says it again. A seal that does
not fit, or a code that is not listed, says nothing.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from gatepass.console.asking import Asking, Redirect
from gatepass.console.guarding import sealed, unsealed

__all__ = ["NOTICES", "announced", "sealed_notice"]

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
    "upstream-created": "The upstream {} is registered. If it needs a secret, its calls are refused until it has it.",
    "upstream-changed": "The upstream {} is changed. It holds from the next call on.",
    "upstream-disabled": "The upstream {} is disabled. Calls under way were cut; nothing gets through.",
    "upstream-enabled": "The upstream {} is open again.",
    "upstream-deleted": "The upstream {} and its secret are forgotten.",
    "secret-stored": "The secret {} is sealed. Nobody can read it back.",
    "secret-replaced": "The secret {} is replaced. The next call goes out with the new value.",
    "secret-deleted": "The secret {} is forgotten. Its upstream's calls are refused until it has another.",
    "secrets-rewrapped": "Wrapped anew: {}.",
    "role-saved": "The role {} is saved. It holds for every token under it from the next call on.",
    "role-deleted": "The role {} is deleted.",
    "person-changed": "{} has another operator role from their next request on.",
    "person-disabled": "{} is disabled, and all that was theirs is revoked.",
}
"""`{}` stands for the name of the thing."""

_LONGEST: Final = 80


def sealed_notice(answer: Redirect, asking: Asking) -> str:
    """The address to go to, with the notice in it."""
    if answer.notice is None or asking.api.token is None:
        return answer.to
    text = f"{answer.notice}:{answer.subject[:_LONGEST]}"
    return f"{answer.to}{'&' if '?' in answer.to else '?'}{urlencode({'done': sealed(asking.api.token, text)})}"


def announced(asking: Asking) -> str | None:
    """The sentence to show on this page."""
    text = asking.query.one("done")
    if not text or asking.api.token is None:
        return None
    code, _, subject = (unsealed(asking.api.token, text) or "").partition(":")
    sentence = NOTICES.get(code)
    return None if sentence is None else sentence.replace("{}", subject)
