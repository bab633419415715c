"""The whole document: who may ask, each operation with what it takes, answers and refuses, and how they go together.

It is made from the same rows that serve the requests, so it cannot say what is not served. `docs/openapi.json` is this
document, kept by `scripts/openapi.py`.
"""

from collections.abc import Sequence
from typing import Any, Final

from gatepass.administration.operators import RULES
from gatepass.web.management.calls import API, LINES, Operation
from gatepass.web.management.conditions import has_tag
from gatepass.web.management.openapi.links import links_of
from gatepass.web.management.openapi.refusals import Refusals
from gatepass.web.management.openapi.schemas import Schemas

__all__ = ["describe"]

VERSION: Final = "1.0.0"
"""Of the API: its major number is in the path."""

_TEXT: Final = """Everything that people manage. `docs/api.md` explains it; `docs/errors.md` has every code.

**Who asks.** `Authorization: Bearer` with a session (`gp_ses_...`, from `POST /session`) or a person's token
(`gp_pat_...`). What an operation needs is its `x-gatepass-acts`: the least operator role (`auditor` < `operator` <
`admin`; null for anybody who is signed in), and the class (`read`, `delete`, `write`, `admin`) that the credential
has to carry. Class `admin` is carried by a session alone, for 15 minutes after signing in.

**Limits.** A request's head has at most 32 KiB and 100 fields, its target 8 KiB, its query 4096 bytes and 32
parameters; a body as many bytes as the operation says, nested at most 32 deep; a pause inside a request lasts 60
seconds at most. Each presentation of a credential counts against its `attempts` (600 a minute unless set otherwise).
Signing in by password is limited to 10 attempts a name and 30 a source in 15 minutes. Beyond it, 429 with
`Retry-After`.

**Errors** are problem documents (RFC 9457) with a stable `code`. Every path answers 405 with `Allow` to other methods,
and 404 to what is no path. Answers are never to be stored; there is no CORS and there are no cookies."""

_TAGS: Final = {
    "session": "Signing in and out.",
    "people": "Who operates the deployment, and who answers for agents.",
    "agents": "Machine identities, each in one role.",
    "trust-rules": "Whom we believe about agents, beside ourselves.",
    "roles": "Live ceilings over what agents may do.",
    "upstreams": "The systems behind the gateway.",
    "secrets": "What upstreams want, in custody: written, never read.",
    "tokens": "Credentials: issued, limited, rotated, explained.",
    "revocations": "Taking away.",
    "journal": "What was done, tamper-evident.",
    "deployment": "How it stands, how it is used, how it was set.",
}
_TAGGED: Final = {"agent-keys": "agents", "trust-trials": "trust-rules", "leaked": "revocations"}


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """OpenAPI 3.1, as one JSON object."""
    shown = [operation.answer for operation in operations if operation.answer not in (None, LINES)]
    sent = [form for operation in operations for form in (operation.body, operation.query) if form is not None]
    schemas = Schemas(shown, sent)
    refusals = Refusals()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = {
            **_operation(operation, schemas),
            "responses": {**_answers(operation, schemas, operations), **refusals.of(operation)},
        }
    queries = {operation.query.__name__ for operation in operations}
    components = {name: schema for name, schema in sorted(schemas.components.items()) if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gatepass management API",
            "version": VERSION,
            "description": _TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": API, "description": "On the host name of people."}],
        "security": [{"person": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "securitySchemes": {
                "person": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A person's session (`gp_ses_...`) or token (`gp_pat_...`). A machine's is refused.",
                }
            },
            "responses": refusals.components,
            "schemas": components,
        },
    }


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    first = operation.path.split("/")[1]
    said: dict[str, Any] = {
        "operationId": operation.name,
        "summary": (operation.handle.__doc__ or "").split("\n")[0],
        "tags": [first if first in _TAGS else _TAGGED.get(first, "deployment")],
        "parameters": [*_path(operation), *_query(operation, schemas), *_headers(operation)],
    }
    if operation.stranger:
        said["security"] = []
    else:
        rules = {act.value: RULES[act] for act in operation.acts}
        said["x-gatepass-acts"] = [
            {"act": act, "role": rule.role and rule.role.value, "class": rule.kind.value, "owner": rule.owner}
            for act, rule in rules.items()
        ]
    if operation.body is not None:
        said["requestBody"] = {
            "required": not operation.optional,
            "description": f"At most {operation.largest} bytes.",
            "content": {"application/json": {"schema": schemas.sent(operation.body)}},
        }
    return said


def _path(operation: Operation) -> list[dict[str, Any]]:
    if "{ref}" not in operation.path:
        return []
    what = "The name." if operation.path.startswith("/roles") else "The id or the name."
    if operation.path.startswith("/journal"):
        what = "A run (`run_...`) or a token (`crd_...`)."
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", "minLength": 1, "maxLength": 64}
    return [{"name": "ref", "in": "path", "required": True, "description": what, "schema": schema}]


def _query(operation: Operation, schemas: Schemas) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in schemas.parameters(operation.query)
    ]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    headers: list[tuple[str, str, str]] = []
    if operation.once:
        text = "A fresh UUID for each new request: a repeat with the same key gets the same answer, for 24 hours."
        headers.append(("Idempotency-Key", text, _KEY_PATTERN))
    if operation.current is not None:
        text = "Change it only if it still has this tag. A list of tags and `*` (it exists) are taken too."
        headers.append(("If-Match", text, _TAGS_PATTERN))
    if operation.method == "PUT":
        headers.append(("If-None-Match", "`*`: only if there is none yet.", r"^\*$"))
    if operation.method == "GET" and has_tag(operation.answer):
        headers.append(
            (
                "If-None-Match",
                "Answer 304 if it still has this tag (or one of a list).",
                _TAGS_PATTERN,
            )
        )
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "example": _EXAMPLES.get(pattern, "*"),
            "schema": {"type": "string", "pattern": pattern},
        }
        for name, text, pattern in headers
    ]


_TAGS_PATTERN: Final = '^"[!#-~]{1,64}"$'
_KEY_PATTERN: Final = r'^("[ !#-\[\]-~]{1,128}"|[A-Za-z0-9._:~-]{1,128})$'
_EXAMPLES: Final = {_TAGS_PATTERN: '"9b1f0a52c7d3e8460f11"', _KEY_PATTERN: '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


def _answers(operation: Operation, schemas: Schemas, operations: Sequence[Operation]) -> dict[str, Any]:
    if operation.answer is None:
        return {str(operation.status): {"description": "Done."}}
    if operation.answer == LINES:
        lines = {"application/x-ndjson": {"schema": {"type": "string"}}}
        return {str(operation.status): {"description": "A JSON object a line.", "content": lines}}
    headers: dict[str, str] = {}
    if has_tag(operation.answer):
        headers["ETag"] = "The state of what is shown. Its part before `-` is what `If-Match` compares."
    if operation.status == 201 and operation.once and "code" not in operation.path:  # noqa: PLR2004  created
        headers["Location"] = "Where it is read again."
    if operation.once:
        headers["Idempotent-Replayed"] = "`true` where this is the answer to an earlier request with the same key."
    answer: dict[str, Any] = {
        "description": "Created." if operation.status == 201 else "Done.",  # noqa: PLR2004  created
        "content": {"application/json": {"schema": schemas.shown(operation.answer)}},
    }
    if headers:
        answer["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
        }
    if links := links_of(operation, operations):
        answer["links"] = links
    said = {str(operation.status): answer}
    if operation.method == "GET" and has_tag(operation.answer):
        said["304"] = {"description": "It is as the tag says.", "headers": {"ETag": {"schema": {"type": "string"}}}}
    return said
