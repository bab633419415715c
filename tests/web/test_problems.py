"""The one table of statuses, and what goes out with each error."""

import ast
import json
from pathlib import Path

import pytest

from gatepass import errors
from gatepass.errors import CODES, Denied, Error, LimitExceeded, Malformed, Unauthenticated, Unavailable, UpstreamFailed
from gatepass.web.problems import BY_CODE, BY_FAMILY, INTERNAL, problem_of, status_of

SOURCES = sorted((Path(__file__).parents[2] / "src" / "gatepass").rglob("*.py"))


def families(kind: type[Error] = Error) -> set[type[Error]]:
    return {kind, *(family for child in kind.__subclasses__() for family in families(child))}


def raised() -> set[tuple[str, str]]:
    """Every family and code that stand together in the source."""
    names = {family.__name__ for family in families()}
    return {
        (node.func.id, str(node.args[0].value))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def header(problem: object, name: bytes) -> str | None:
    found = [value.decode() for key, value in problem.headers if key == name]  # type: ignore[attr-defined]
    assert len(found) <= 1
    return found[0] if found else None


def test_every_family_has_its_row_and_every_exception_exists() -> None:
    assert families() == set(BY_FAMILY)
    assert set(BY_CODE) <= set(CODES)


def test_every_error_that_is_raised_has_a_status_that_says_whose_turn_it_is() -> None:
    found = raised()
    assert len(found) > 30
    for family, code in found:
        kind = getattr(errors, family)
        error = kind(code, "x", retry_after=1) if issubclass(kind, LimitExceeded) else kind(code, "x")
        status = status_of(error)
        assert 400 <= status < 600
        assert status in {BY_FAMILY[kind], BY_CODE.get(code)}
        ours = kind is Error or issubclass(kind, UpstreamFailed | Unavailable)
        assert (status >= 500) == ours, (family, code)


@pytest.mark.parametrize("code", CODES)
def test_a_document_is_whole_for_every_code(code: str) -> None:
    problem = problem_of(Malformed(code, f"`{code}` happened"), b"/u/orders/x")
    told = json.loads(problem.body)
    assert told["type"] == f"urn:gatepass:problem:{code}"
    assert told["title"] == code.replace("_", " ").capitalize()
    assert (told["status"], told["detail"]) == (problem.status, f"`{code}` happened")
    assert (told["code"], told["hint"], told["instance"]) == (code, CODES[code], "/u/orders/x")
    assert header(problem, b"content-type") == "application/problem+json"
    assert header(problem, b"cache-control") == "no-store"
    assert header(problem, b"content-length") == str(len(problem.body))


def test_details_become_members_and_headers() -> None:
    error = Denied(
        "scope_missing",
        "`orders:refund` is not permitted",
        details={
            "decision_id": "dec_1",
            "credential": "crd_1",
            "missing_scope": "orders:refund:order-1",
            "rate_limit": '"calls";r=1;t=2',
            "rate_limit_policy": '"calls";q=5;w=60',
            "status": "200",
            "code": "ok",
        },
    )
    problem = problem_of(error, b"/u/orders/x")
    told = json.loads(problem.body)
    assert (told["decision_id"], told["credential"], told["missing_scope"]) == (
        "dec_1",
        "crd_1",
        "orders:refund:order-1",
    )
    assert (told["status"], told["code"]) == (403, "scope_missing")
    assert told["instance"] == "/api/v1/journal?decision=dec_1"
    assert "rate_limit" not in told
    assert header(problem, b"gatepass-decision") == "dec_1"
    assert header(problem, b"gatepass-credential") == "crd_1"
    assert header(problem, b"ratelimit") == '"calls";r=1;t=2'
    assert header(problem, b"ratelimit-policy") == '"calls";q=5;w=60'
    assert header(problem, b"www-authenticate") == (
        'Bearer realm="gatepass", error="insufficient_scope", scope="orders:refund:order-1", '
        "error_description=\"'orders:refund' is not permitted\"".replace("'orders:refund'", "`orders:refund`")
    )


def test_the_challenge_says_invalid_only_to_who_presented_something() -> None:
    def challenge(error: Error) -> str | None:
        return header(problem_of(error), b"www-authenticate")

    assert challenge(Unauthenticated("credential_missing", "none")) == 'Bearer realm="gatepass"'
    assert challenge(Unauthenticated("sign_in_failed", "no")) == 'Bearer realm="gatepass"'
    assert challenge(Unauthenticated("credential_invalid", "gone")) == (
        'Bearer realm="gatepass", error="invalid_token", error_description="gone"'
    )
    assert challenge(Unauthenticated("reauthentication_required", "again")) == (
        'Bearer realm="gatepass", error="insufficient_user_authentication", max_age="900", error_description="again"'
    )
    # a wider token would not help, so none is asked for
    assert challenge(Denied("role_forbids", "no")) is None
    assert challenge(Denied("scope_missing", "no scope could")) is None
    assert challenge(Malformed("malformed_json", "no")) is None


def test_waiting_is_told_in_seconds_and_in_milliseconds() -> None:
    for milliseconds, seconds in [(1, "1"), (1000, "1"), (1001, "2"), (0, "1"), (None, None)]:
        problem = problem_of(LimitExceeded("limit_exceeded", "slow", retry_after=milliseconds))
        assert header(problem, b"retry-after") == seconds
        assert json.loads(problem.body)["retry_after"] == milliseconds
    assert header(problem_of(Unavailable("starting", "soon")), b"retry-after") == "1"


@pytest.mark.parametrize(
    "evil", ["a\r\nSet-Cookie: x", 'a", error="x', "a\\", "\u0430\u2028\ud800", "\0\x7f", "x" * 10_000]
)
def test_nothing_that_anybody_sent_can_end_a_line_or_a_quotation(evil: str) -> None:
    details = {"decision_id": evil, "credential": evil, "rate_limit": evil, "missing_scope": evil, "allow": evil}
    problem = problem_of(Denied("scope_missing", evil, details=details), evil.encode("utf-8", "replace"))
    for _, value in problem.headers:
        assert all(0x20 <= byte <= 0x7E for byte in value)
    said = header(problem, b"www-authenticate") or ""
    assert said.count('"') == 8
    assert "\\" not in said
    json.loads(problem.body)


def test_what_nobody_raised_on_purpose_says_nothing() -> None:
    assert json.loads(INTERNAL.body)["code"] == "internal"
    assert INTERNAL.status == 500
