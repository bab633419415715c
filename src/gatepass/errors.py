"""Every error that Gatepass raises on purpose.

    Error
    ├── Malformed           we cannot read what was sent: correct it
    ├── Unauthenticated     we do not know who is asking: bring a valid credential
    ├── Denied              we know, and the answer is no: ask for less, or for more authority
    │   └── LimitExceeded   ... until `retry_after` has passed: wait
    ├── NotFound            there is no such thing: look at the list
    ├── Conflict            the world is not as the caller assumed: read again
    ├── UpstreamFailed      the system behind us failed: its operator has to act
    └── Unavailable         we cannot answer safely, so we refuse: try later

Families say what the caller does next; the `code` says what happened. `code` is API: never renamed,
never reused. The message is lower case, one line, no full stop, user input in backticks; the hint is a
sentence that an agent can act on. Neither may carry a secret or an internal name.
"""

from collections.abc import Mapping
from typing import Final

__all__ = [
    "CODES",
    "Conflict",
    "Denied",
    "Error",
    "LimitExceeded",
    "Malformed",
    "NotFound",
    "Unauthenticated",
    "Unavailable",
    "UpstreamFailed",
]


class Error(Exception):
    """The root. Raised only through its families.

    `code` is a key of `CODES`; `hint` defaults to what that table says; `details` are further members of
    the problem document (such as `missing_scope` or `approval_id`), text only.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = CODES[code] if hint is None else hint
        self.details: Mapping[str, str] = details or {}


class Malformed(Error):
    """We cannot read what was sent."""


class Unauthenticated(Error):
    """We do not know who is asking."""


class Denied(Error):
    """We know who is asking, and the answer is no."""


class LimitExceeded(Denied):
    """A rate or budget is used up. `retry_after` is in milliseconds; None when waiting does not help."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: int | None,
        hint: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, hint=hint, details=details)
        self.retry_after = retry_after


class NotFound(Error):
    """There is no such thing."""


class Conflict(Error):
    """The world is not as the caller assumed."""


class UpstreamFailed(Error):
    """The system behind us failed."""


class Unavailable(Error):
    """We cannot answer safely, so we refuse."""


CODES: Final[Mapping[str, str]] = {
    # -- what we cannot read
    "malformed_scope": "Write a scope as type:action[:pattern][?limit&limit], for example orders:refund:order-12345?amount<=50&amount>=0.",
    "malformed_details": "Send authorization_details as RFC 9396 objects with type, actions, identifier and limits.",
    "malformed_caveat": "Check the caveat's kind and fields against the reference.",
    "malformed_catalogue": "Correct the named line of the file and load it again.",
    "malformed_json": "Send one JSON value, UTF-8, no name twice in an object, numbers finite.",
    "malformed_amount": "Send an amount of 0 or more, with at most 18 digits before and after the point.",
    "malformed_token": "Check that the whole token was copied; its checksum does not match.",
    "malformed_key": "Send a public key as a JWK (RFC 7517): EC, OKP or RSA, for signatures, in base64url without padding.",
    "malformed_jws": "Send a compact JWS (RFC 7515) exactly as it was signed.",
    "malformed_capability": "Send the whole capability, as it was minted or narrowed; docs/capability-format.md is the format.",
    "capability_carries_key": "Keep this form to yourself: take the capability over, then send it with a proof by its key, or sealed.",
    "malformed_access_token": "Send the whole access token, exactly as it was issued.",
    "malformed_trust_rule": "Correct the named part of the rule; docs/workload-identity.md has the notation and recipes.",
    "malformed_request": "Correct the named part of the request.",
    "malformed_message": "Send one JSON-RPC 2.0 request or notification; batches are not taken.",
    "header_mismatch": "Send the MCP headers that the body calls for, with the body's values; `tools/list` shows the tool as it is now.",
    "version_unsupported": "Use one of the protocol versions in `supported`.",
    "method_unknown": "Use the MCP methods that `server/discover` or `initialize` announce.",
    "malformed_config": "Correct the named file and line, then start again.",
    "malformed_configuration": "Correct the named lines of the files, then apply them again.",
    "malformed_head": "Take the head as `gatepass journal head` printed it, without a change.",
    "too_large": "Send less, or ask for the operation's limit to be raised.",
    "too_slow": "Send the whole request without long pauses.",
    "unsupported_media": "Send JSON as `Content-Type: application/json`, without a content encoding.",
    "idempotency_key_reused": "Take a new `Idempotency-Key` for another request; repeat a request byte for byte.",
    "misdirected": "Agents and people use different host names here; use the one that the message names.",
    # -- who is asking
    "credential_missing": "Send the token as `Authorization: Bearer gp_sk_...`.",
    "credential_invalid": "Ask the owner for a new token; this one is unknown, expired or withdrawn.",
    "signature_invalid": "Sign with the key that is expected, by the algorithm that the key is for.",
    "capability_invalid": "Ask whoever made the link that the message names for another one.",
    "proof_missing": "Send a DPoP proof (RFC 9449) made for this call, in the header `DPoP`.",
    "proof_invalid": "Make a new proof for this call: its method, its URL, this credential, the credential's key, now.",
    "proof_nonce": "Make a new proof with the nonce in the header `DPoP-Nonce` of this answer.",
    "proof_replayed": "Make a new proof for every call.",
    "client_invalid": "Authenticate with the agent's API token, as `client_secret` or as a bearer, or with what an operator has registered for it.",
    "grant_invalid": "Take a live token of this issuer, and prove its key, or be the actor that its `may_act` names.",
    "credential_unproven": "Send the token as `Authorization: DPoP`, with a proof made by its key for this call.",
    "identity_refused": "Bring another identity; `oauth_error` is the issuer's own word for what is wrong with this one.",
    "credential_unheard": "Try again in a second; if it stays unknown, ask the owner for a new token.",
    "person_required": "A person has to do this: sign in with `gatepass login` first.",
    "machine_required": "Use a machine token (gp_sk_...) here; a person's token is refused.",
    "reauthentication_required": "Sign in again with `gatepass login`; this needs a person seen within 15 minutes.",
    "sign_in_failed": "Check the name and the password, or take a new code from the terminal of `gatepass up`.",
    # -- the answer is no
    "operator_forbidden": "Your role in this deployment does not allow this; ask one of its admins.",
    "scope_missing": "Ask the owner for a token with the missing scope.",
    "role_forbids": "The agent's role does not allow this; an operator can widen the role.",
    "class_forbidden": "The token may not do operations of this class at all; its owner can allow it in the token's limits.",
    "proof_required": "Beyond reading, prove possession of a key: exchange the token for a bound access token at `/oauth2/token` and send it with `DPoP`; or an operator lets the role's credentials act as bearers for a while: `gatepass role set --bearer-until 7d --because ...`.",
    "policy_faulty": "A rule that may forbid this cannot be evaluated, so it does; an operator has to mend the agent's role.",
    "issuance_refused": "Ask for what the message says; `oauth_error` is the issuer's own word.",
    "unknown_scope": "Pick a scope from the catalogue; the nearest are named.",
    "scope_refused": "Ask for less, as the message says.",
    "details_refused": "Ask for less, as the message says.",
    "composition_needed": "Ask once for each tool; or say that one token for all of them is meant: `composition=explicit`, or the scope `composition:explicit`.",
    "target_refused": "Name one surface as `resource`, such as `https://.../u/orders`; each has a document under `/.well-known/oauth-protected-resource`.",
    "grant_unsupported": "Use a grant that `/.well-known/oauth-authorization-server` names.",
    "capability_exceeded": "Ask for no more than the capability carries, as the message says.",
    "too_broad": "Ask for less, or for a shorter life, as the message says.",
    "too_long": "Ask for a shorter life, as the message says.",
    "admin_not_storable": "Leave the scope out; a person who has just signed in does such things.",
    "operation_unmapped": "Only operations that the upstream's operations file maps can be called.",
    "foreign_origin": "A page of another origin sent this; use an MCP client, or the console.",
    "caveat_veto": "The token carries a condition that does not hold now.",
    "caveat_unreadable": "The token carries a condition that this version cannot read.",
    "meter_elsewhere": "Call through the gateway, which counts; or ask for a pass without a rate, a budget or a single use.",
    "approval_unavailable": "This call needs a person's approval, which this deployment cannot ask for yet.",
    "upstream_unknown": "Ask the operator which upstreams there are; the name is in the path.",
    "upstream_withdrawn": "An operator has switched this upstream off; ask when it will be back.",
    "withdrawn_in_flight": "The token was withdrawn while the call was under way; its outcome may be unknown.",
    "limit_exceeded": "Wait for `retry_after` milliseconds, then try once.",
    "budget_exceeded": "The budget is spent; ask the owner for a new one.",
    "ceiling_exceeded": "Ask for the rate that the message names, lower another token's, or raise the deployment's ceiling.",
    # -- the world is different
    "not_found": "List what exists and pick from it.",
    "method_not_allowed": "Use a method that the path has; `allow` names them.",
    "upstream_changed": "Send the request again; the upstream was changed while it came in.",
    "managed_by_files": "Change its file and run `gatepass apply`; or hand it back: take the file away and run `gatepass apply --release`.",
    "configuration_changed": "Look at the plan as it is now, and apply that.",
    "conflict": "Read the current state and decide again.",
    "precondition_failed": "Read it again, then decide again with the new `ETag`.",
    "idempotency_key_in_use": "Wait for the answer to the first of the two requests, then repeat this one.",
    "call_cancelled": "You cancelled the call; its outcome may be unknown.",
    # -- the system behind us
    "upstream_unreachable": "Try again later; the upstream's operator has to look at it.",
    "upstream_timeout": "The outcome is unknown; look before you repeat it.",
    "upstream_garbled": "The upstream's answer could not be read, so it was not passed on.",
    "upstream_lost": "The outcome is unknown; look before you repeat it.",
    "upstream_busy": "Try again in a second; too many calls are under way at this upstream.",
    "upstream_rejects_us": "An operator has to look at the upstream's secret: the upstream does not take it.",
    "upstream_needs_input": "The upstream asks its caller for more than this client can answer.",
    "upstream_forbidden_address": "The upstream's address is not allowed; an operator has to correct it.",
    # -- the server, as the command line and the SDK see it
    "server_unreachable": "Start it with `gatepass up`, or set GATEPASS_URL to where it listens.",
    "server_timeout": "The outcome is unknown; look before you repeat it.",
    "server_garbled": "Check that GATEPASS_URL names a Gatepass server, of a version that this one understands.",
    "issuer_unavailable": "Try again later; the issuer's operator has to look at it.",
    # -- the demonstration
    "demo_tool_missing": "Install what the message names, then run `gatepass demo` again.",
    "demo_part_failed": "Run `gatepass demo` again; if it fails again, the message says what the part printed last.",
    # -- we refuse to guess
    "internal": "Try once more; if it happens again, tell the operator the time of it.",
    "journal_unavailable": "Nothing was done. The journal cannot be written; the operator has to make room or repair it.",
    "port_unusable": "Stop what uses the address, or set another in `server.host` and `server.port`.",
    "folder_in_use": "Stop the process that uses the data folder, or start with another folder.",
    "folder_unusable": "Give a folder that this user owns and can write to, with `GATEPASS_HOME` or in the config file.",
    "store_newer": "Start the version of Gatepass that wrote the data folder last, or a newer one.",
    "store_damaged": "Stop the server, keep a copy of the data folder, and put a backup in its place.",
    "journal_damaged": "Run `gatepass journal verify`: it names the entries that were changed. Then restore a backup.",
    "storage_unavailable": "Nothing was changed. The store cannot be written; run `gatepass doctor`.",
    "limits_unavailable": "Nothing was done. The limits cannot be counted; run `gatepass doctor`.",
    "issuer_keys_unavailable": "Try again in a minute; the issuer's keys cannot be fetched now, and nothing is believed without them.",
    "secret_missing": "An operator has to store the upstream's secret again.",
    "secret_unreadable": "An operator has to restore the key file that the secret was sealed under, or store the secret again.",
    "secret_bound_elsewhere": "The upstream's address has changed; an operator has to store its secret again for the new one.",
    "secret_unusable": "The upstream's secret does not fit where it is to be put; an operator has to store it again.",
    "key_unusable": "Run `gatepass doctor`; if others could read the key, rotate it.",
    "proofs_too_many": "Try again in a minute; the API remembers no more proofs at once.",
    "search_unfinished": "Narrow the search: name a credential, a run or a decision, or a shorter span of time.",
    "starting": "Try again in a second.",
}
"""Each code and its default hint. `docs/errors.md` explains every one of them."""
