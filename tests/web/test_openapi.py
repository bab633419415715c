"""The OpenAPI document: what is kept is what is served, it is valid, complete, and true of a server that runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.web.deployment import Deployment
from tests.web.fuzzing import GRAMMARS

from gatepass.errors import CODES
from gatepass.web.management.openapi import describe
from gatepass.web.management.openapi.refusals import codes_of
from gatepass.web.management.router import OPERATIONS

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final[dict[str, Any]] = json.loads((ROOT / "docs" / "openapi.json").read_text())
PAGE: Final = (ROOT / "docs" / "api.md").read_text()


def named(operation: Any) -> str:
    return f"{operation.method} {operation.path}"


def said(operation: Any) -> dict[str, Any]:
    return dict(DOCUMENT["paths"][operation.path][operation.method.lower()])


def codes_in(response: dict[str, Any]) -> set[str]:
    name = response["$ref"].rpartition("/")[2]
    schema = DOCUMENT["components"]["responses"][name]["content"]["application/problem+json"]["schema"]
    return set(schema["allOf"][1]["properties"]["code"]["enum"])


def test_what_is_kept_is_what_is_served(shared: Deployment) -> None:
    assert describe(OPERATIONS) == DOCUMENT, "run scripts/openapi.py --write"
    assert shared.ask("GET", "/openapi.json").json() == DOCUMENT


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_it_names_every_operation_once() -> None:
    ids = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert sorted(ids) == sorted({operation.name for operation in OPERATIONS})
    assert len(ids) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_says_what_it_does_who_may_and_how_it_refuses(operation: Any) -> None:
    told = said(operation)
    assert told["summary"].endswith(".")
    assert told["tags"]
    assert bool(told.get("x-gatepass-acts")) is not operation.stranger
    assert (told.get("security") == []) is operation.stranger
    refused = {
        code for status, response in told["responses"].items() if int(status) >= 400 for code in codes_in(response)
    }
    assert refused == codes_of(operation)
    assert refused <= set(CODES)
    assert {"400", "413", "415", "421", "500", "503"} <= set(told["responses"])
    headers = {parameter["name"] for parameter in told["parameters"] if parameter["in"] == "header"}
    assert ("Idempotency-Key" in headers) is operation.once
    assert ("If-Match" in headers) is (operation.current is not None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_body_says_how_large_it_may_be(operation: Any) -> None:
    if operation.body is not None:
        assert f"At most {operation.largest} bytes" in said(operation)["requestBody"]["description"]


def test_every_change_of_one_thing_takes_a_condition() -> None:
    guarded = {named(operation) for operation in OPERATIONS if operation.current is not None}
    changes = {
        named(operation)
        for operation in OPERATIONS
        if operation.method != "GET" and "{ref}" in operation.path and not operation.path.endswith("/explain")
    }
    assert guarded == changes


def test_every_limit_and_exclusion_is_documented() -> None:
    for text in ("32 KiB", "600 a minute", "10 attempts", "Retry-After"):
        assert text in DOCUMENT["info"]["description"]
    excluded = PAGE[PAGE.index("## How it is tried") :]
    for name in GRAMMARS:
        assert name.partition(" ")[2] in excluded, name


def test_nothing_that_is_a_secret_is_in_an_answer() -> None:
    """But for a token's text, once, and a code, once: `IssuedToken`, `Session`, `Invitation`, `PersonInvited`."""
    holders = {
        name
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for member, kind in schema.get("properties", {}).items()
        if member in {"token", "code", "value", "password", "hash", "password_hash", "ciphertext"}
        and kind.get("type") == "string"
        and not kind.get("writeOnly")
    }
    sent = {"Explained"}
    assert holders - sent == {
        "IssuedToken",
        "Session",
        "Invitation",
        "PersonInvited",
        "JournalEntry",
        "Head",
        "KeptHead",
    }


def test_a_running_server_is_what_the_document_says() -> None:
    """schemathesis, all checks: by an admin, who has to get somewhere, and, more briefly, by an auditor and by nobody.

    `scripts/fuzz_api` walks for longer.
    """
    walked = subprocess.run(
        [sys.executable, "-m", "tests.web.fuzzing", "--examples", "2", "--others", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert walked.returncode == 0, walked.stdout[-20_000:] + walked.stderr[-4_000:]
    assert walked.stdout.count("stateful: ") == 3
