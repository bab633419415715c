"""A server's answers, made fit for each era; state that only its holder can bring back."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gatepass.access import Json
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.mcp.results import Fitting, Seal
from gatepass.gateway.mcp.wire.eras import MODERN, Dialect
from gatepass.gateway.mcp.wire.messages import Answer, Fault

SEAL = Seal(b"k" * 32)
OLD = Dialect("2025-11-25")
NEW = Dialect(MODERN, {"elicitation": {}})
PARAMS: dict[str, Json] = {"name": "pay", "arguments": {"amount": Decimal(10)}}
CONTENT: Json = ({"type": "text", "text": "hi"},)


def fit(answer: Answer, dialect: Dialect, method: str = "tools/call") -> Answer:
    return Fitting(method=method, params=PARAMS, dialect=dialect, holder="crd_a ups_a", seal=SEAL).fit(answer)


def result(answer: Answer) -> Mapping[str, Json]:
    assert answer.result is not None
    return answer.result


def test_members_of_the_other_era_come_and_go() -> None:
    legacy = Answer(1, {"content": CONTENT})
    modern = Answer(1, {"content": CONTENT, "resultType": "complete", "ttlMs": Decimal(5), "cacheScope": "public"})
    assert result(fit(legacy, NEW)) == {"content": CONTENT, "resultType": "complete"}
    assert result(fit(modern, OLD)) == {"content": CONTENT}
    assert result(fit(legacy, OLD)) == {"content": CONTENT}


@pytest.mark.parametrize(("said", "kept"), [(600_000, 1000), (5, 5), (0, 0), (-5, 0), (None, 0)])
def test_a_resource_is_kept_by_the_caller_alone_and_not_for_long(said: int | None, kept: int) -> None:
    answer: dict[str, Json] = {"contents": (), "resultType": "complete", "cacheScope": "public"}
    if said is not None:
        answer["ttlMs"] = Decimal(said)
    read = result(fit(Answer(1, answer), NEW, "resources/read"))
    assert (read["ttlMs"], read["cacheScope"]) == (Decimal(kept), "private")


def test_what_the_server_says_of_itself_stays_behind() -> None:
    meta: dict[str, Json] = {"io.modelcontextprotocol/serverInfo": {"name": "x"}, "com.example/trace": "t"}
    assert result(fit(Answer(1, {"content": CONTENT, "_meta": meta}), NEW))["_meta"] == {"com.example/trace": "t"}
    assert "_meta" not in result(fit(Answer(1, {"content": CONTENT, "_meta": "odd"}), NEW))


def test_structured_content_that_is_no_object_is_not_for_legacy_clients() -> None:
    answer = Answer(1, {"content": CONTENT, "structuredContent": (Decimal(1),)})
    assert "structuredContent" not in result(fit(answer, OLD))
    assert result(fit(answer, NEW))["structuredContent"] == (Decimal(1),)


ASK: dict[str, Json] = {"who": {"method": "elicitation/create", "params": {}}}


def test_a_request_for_input_reaches_a_client_that_can_give_it_with_its_state_sealed() -> None:
    answer = Answer(1, {"resultType": "input_required", "inputRequests": ASK, "requestState": "s", "other": "x"})
    asked = result(fit(answer, NEW))
    assert set(asked) == {"resultType", "inputRequests", "requestState"}
    sealed = str(asked["requestState"])
    assert sealed != "s"
    assert SEAL.open(sealed, "crd_a ups_a", "tools/call", PARAMS) == "s"


@pytest.mark.parametrize(
    ("sealed", "holder", "method", "params"),
    [
        (None, "crd_b ups_a", "tools/call", PARAMS),
        (None, "crd_a ups_b", "tools/call", PARAMS),
        (None, "crd_a ups_a", "prompts/get", PARAMS),
        (None, "crd_a ups_a", "tools/call", {**PARAMS, "name": "refund"}),
        (None, "crd_a ups_a", "tools/call", {**PARAMS, "arguments": {"amount": Decimal(500)}}),
        ("s", "crd_a ups_a", "tools/call", PARAMS),
        (".s", "crd_a ups_a", "tools/call", PARAMS),
        ("", "crd_a ups_a", "tools/call", PARAMS),
        ("é.s", "crd_a ups_a", "tools/call", PARAMS),
    ],
)
def test_state_is_of_no_use_to_anybody_else_or_for_anything_else(
    sealed: str | None, holder: str, method: str, params: dict[str, Json]
) -> None:
    own = SEAL.close("s", "crd_a ups_a", "tools/call", PARAMS)
    with pytest.raises(Malformed) as refusal:
        SEAL.open(own if sealed is None else sealed, holder, method, params)
    assert refusal.value.message == "`requestState` was not given to this token for this call"


def test_state_that_was_changed_is_refused() -> None:
    own = SEAL.close("s", "crd_a ups_a", "tools/call", PARAMS)
    for place in range(len(own)):
        with pytest.raises(Malformed):
            SEAL.open(own[:place] + "~" + own[place + 1 :], "crd_a ups_a", "tools/call", PARAMS)


@pytest.mark.parametrize(
    ("dialect", "method", "asked", "code"),
    [
        (OLD, "tools/call", {"inputRequests": ASK}, "upstream_needs_input"),
        (Dialect(MODERN), "tools/call", {"inputRequests": ASK}, "upstream_needs_input"),
        (NEW, "tools/call", {"inputRequests": {"x": {"method": "sampling/createMessage"}}}, "upstream_needs_input"),
        (NEW, "tools/call", {"inputRequests": {"x": {"method": "tools/call"}}}, "upstream_needs_input"),
        (NEW, "tools/call", {"inputRequests": {"x": "y"}}, "upstream_needs_input"),
        (NEW, "tools/call", {"inputRequests": {}}, "upstream_garbled"),
        (NEW, "tools/call", {"inputRequests": ()}, "upstream_garbled"),
        (NEW, "tools/call", {"requestState": Decimal(1)}, "upstream_garbled"),
        (NEW, "tools/call", {}, "upstream_garbled"),
        (NEW, "completion/complete", {"inputRequests": ASK}, "upstream_garbled"),
    ],
)
def test_a_request_for_input_that_cannot_be_met_is_the_upstreams_failure(
    dialect: Dialect, method: str, asked: dict[str, Json], code: str
) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        fit(Answer(1, {"resultType": "input_required", **asked}), dialect, method)
    assert failure.value.code == code


@pytest.mark.parametrize("kind", ["strange", "", None, Decimal(1), ("complete",)])
def test_a_result_of_an_unknown_type_is_not_passed_on(kind: Any) -> None:
    with pytest.raises(UpstreamFailed):
        fit(Answer(1, {"resultType": kind}), NEW)


@pytest.mark.parametrize(
    ("dialect", "code", "passed"),
    [
        (NEW, -32602, -32602),
        (NEW, -32002, -32602),
        (OLD, -32002, -32602),
        (NEW, -32000, -32000),
        (NEW, -32021, -32021),
        (OLD, -32021, -32603),
        (NEW, -32020, -32603),
        (NEW, -32022, -32603),
        (NEW, -32099, -32603),
        (NEW, 1234, 1234),
    ],
)
def test_numbers_keep_their_meaning_or_lose_it(dialect: Dialect, code: int, passed: int) -> None:
    assert fit(Answer(1, fault=Fault(code, "m", "d")), dialect).fault == Fault(passed, "m", "d")


def test_a_page_that_a_person_has_to_visit_is_no_answer() -> None:
    with pytest.raises(UpstreamFailed) as failure:
        fit(Answer(1, fault=Fault(-32042, "visit")), OLD)
    assert failure.value.code == "upstream_needs_input"
