"""What a deployment does, whatever it is made of: one suite for `gatepass up` and for the one in memory.

Everything here goes through the two ways in that users have: the management API, and requests of agents. Nobody looks
inside. The same upstream stands behind both.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, Protocol

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.testing.world import KEY, REFUND

from gatepass.client import Management
from gatepass.errors import Conflict, Denied, Malformed
from gatepass.testing import Seen, code_of
from gatepass.testing.agents import said

NUMBERS = count()
"""Of tokens: no two have one name."""


class OrdersApi:
    """What stands behind: it notes what reached it, echoes its key, and breaks when asked to."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        seen = Seen(request.method, request.url.path, request.url.query, dict(request.headers), await request.body())
        self.seen.append(seen)
        if seen.path.endswith("/broken"):
            return Response("broken", 500)
        if seen.method == "POST":
            return JSONResponse({"refunded": seen.json()["amount"]}, 201)
        cookie = {"set-cookie": "session=theirs"}
        told = {"order": seen.path.rpartition("/")[2], "key": seen.headers["authorization"]}
        return JSONResponse(told, headers=cookie)


class Place(Protocol):
    """A running deployment. Stories may share one: each has a role and an agent of its own, by names of its own."""

    api: OrdersApi
    admin: Management
    role: str
    agent: str
    bearers: dict[str, str]
    """The exception that lets plain tokens do more than read: by its own clock."""

    def register(self) -> None:
        """Put the orders API behind it, as `orders`, with `KEY` as its key, if it is not there; and let calls through.

        Nothing has reached it then.
        """
        ...

    def client(self, token: str | None) -> httpx2.Client:
        """For an agent."""
        ...

    def signed_in_with(self, code: str) -> Management:
        """For a person who was handed a code."""
        ...


class DeploymentStories:
    """The suite. Whoever takes it on gives `place`."""

    def furnished(self, place: Place) -> None:
        place.register()
        place.admin.replace("roles", place.role, said({"scopes": ["orders:get:*", "orders:refund:*"], **place.bearers}))
        place.admin.create("agents", {"name": place.agent, "role": place.role})

    def token(self, place: Place, *scopes: str, **more: object) -> Mapping[str, Any]:
        form = {"name": f"t-{next(NUMBERS)}", "agent": place.agent, "scopes": list(scopes), **more}
        return place.admin.create("tokens", said(form))

    def client(self, place: Place, *scopes: str, **more: object) -> httpx2.Client:
        return place.client(str(self.token(place, *scopes, **more)["token"]))

    # -- what an agent meets

    def test_permitted_and_refused(self, place: Place) -> None:
        self.furnished(place)
        agent = self.client(place, "orders:get:1", REFUND)
        found = agent.get("/u/orders/orders/1")
        assert (found.status_code, found.json()["order"]) == (200, "1")
        assert KEY not in found.text
        assert found.headers["gatepass-decision"].startswith("dec_")
        assert "set-cookie" not in found.headers
        refused = agent.get("/u/orders/orders/2")
        assert (refused.status_code, code_of(refused)) == (403, "scope_missing")
        assert set(refused.json()) >= {"type", "title", "status", "detail", "code", "hint", "decision_id"}
        assert agent.post("/u/orders/orders/order-1/refunds", json={"amount": 50, "currency": "USD"}).status_code == 201
        assert code_of(agent.post("/u/orders/orders/order-1/refunds", json={"amount": 51, "currency": "USD"}))
        assert code_of(agent.delete("/u/orders/orders/1")) == "operation_unmapped"
        assert [(seen.method, seen.path) for seen in place.api.seen] == [
            ("GET", "/orders/1"),
            ("POST", "/orders/order-1/refunds"),
        ]
        assert {seen.headers["authorization"] for seen in place.api.seen} == {f"Bearer {KEY}"}

    def test_strangers(self, place: Place) -> None:
        self.furnished(place)
        for token in (None, "nonsense", f"gp_sk_{'0' * 46}"):
            answer = place.client(token).get("/u/orders/orders/1")
            assert answer.status_code == 401
            assert "www-authenticate" in answer.headers
        assert place.api.seen == []

    def test_paths_of_people_are_not_for_agents(self, place: Place) -> None:
        self.furnished(place)
        agent = self.client(place, "orders:get:1")
        assert code_of(agent.get("/api/v1/tokens")) == "misdirected"
        assert code_of(agent.get("/u/nowhere/x")) == "upstream_unknown"
        assert code_of(agent.get("/nothing")) == "not_found"
        assert agent.get("/healthz").text == "ok\n"

    def test_a_rate_of_its_own(self, place: Place) -> None:
        self.furnished(place)
        limits = {"calls": {"count": 2, "period_seconds": 3600}}
        agent, other = self.client(place, "orders:get:1", limits=limits), self.client(place, "orders:get:1")
        answers = [agent.get("/u/orders/orders/1") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert code_of(answers[-1]) == "limit_exceeded"
        assert int(answers[-1].headers["retry-after"]) > 0
        assert other.get("/u/orders/orders/1").status_code == 200

    def test_revoked(self, place: Place) -> None:
        self.furnished(place)
        one, other = self.token(place, "orders:get:1"), self.token(place, "orders:get:1")
        agents = [place.client(str(made["token"])) for made in (one, other)]
        assert [agent.get("/u/orders/orders/1").status_code for agent in agents] == [200, 200]
        place.admin.act("tokens", str(one["id"]), "revoke", {"reason": "a drill"})
        assert [code_of(agent.get("/u/orders/orders/1")) for agent in agents] == ["credential_invalid", None]
        place.admin.act("agents", place.agent, "disable")
        assert code_of(agents[1].get("/u/orders/orders/1")) == "credential_invalid"

    def test_a_role_is_a_live_ceiling(self, place: Place) -> None:
        self.furnished(place)
        agent = self.client(place, "orders:get:1")
        assert agent.get("/u/orders/orders/1").status_code == 200
        place.admin.replace("roles", place.role, said({"scopes": ["orders:refund:*"], **place.bearers}))
        assert code_of(agent.get("/u/orders/orders/1")) == "role_forbids"

    def test_rotation_overlaps(self, place: Place) -> None:
        self.furnished(place)
        made = self.token(place, "orders:get:1")
        old = place.client(str(made["token"]))
        renewed = place.admin.act("tokens", str(made["id"]), "rotate", said({"overlap_seconds": 600}))
        new = place.client(str(renewed["token"]))
        assert [agent.get("/u/orders/orders/1").status_code for agent in (old, new)] == [200, 200]

    def test_an_upstream_that_fails_is_no_failure_of_ours(self, place: Place) -> None:
        self.furnished(place)
        agent = self.client(place, "orders:get:*")
        assert agent.get("/u/orders/orders/broken").status_code == 500
        place.admin.act("upstreams", "orders", "disable")
        answer = agent.get("/u/orders/orders/1")
        assert (answer.status_code, code_of(answer)) == (403, "upstream_withdrawn")

    # -- what a person meets

    def test_what_is_changed_is_in_the_journal(self, place: Place) -> None:
        self.furnished(place)
        made = self.token(place, "orders:get:1")
        place.client(str(made["token"])).get("/u/orders/orders/1")
        place.client(str(made["token"])).get("/u/orders/orders/2")
        entries, _ = place.admin.journal(credential=str(made["id"]))
        assert [(entry["event"], entry.get("outcome"), entry.get("code")) for entry in reversed(entries)] == [
            ("token.issued", None, None),
            ("call.decided", "permit", "ok"),
            ("call.finished", None, "ok"),
            ("call.decided", "deny", "scope_missing"),
        ]
        assert place.admin.verify()["intact"] is True

    def test_explained_without_being_made(self, place: Place) -> None:
        self.furnished(place)
        made = self.token(place, "orders:get:1")
        attempt = {"upstream": "orders", "method": "GET", "path": "/orders/1"}
        explained = place.admin.explain(str(made["id"]), attempt)
        assert explained["outcome"] == "permit"
        assert place.api.seen == []

    def test_refusals_of_the_management_api(self, place: Place) -> None:
        self.furnished(place)
        with pytest.raises(Conflict):
            place.admin.create("agents", {"name": place.agent, "role": place.role})
        with pytest.raises(Malformed):
            self.token(place, "no scope at all")
        with pytest.raises(Denied):
            self.token(place, "orders:get:1", lifetime_seconds=400 * 24 * 3600)
        invited = place.admin.create("people", {"name": "olu", "operator": "auditor"})
        auditor = place.signed_in_with(str(invited["code"]))
        assert place.agent in [agent["name"] for agent in auditor.listed("agents")]
        with pytest.raises(Denied):
            auditor.create("agents", {"name": "other", "role": place.role})
