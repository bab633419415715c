"""Lists of servers that page endlessly, repeat themselves, or define a name twice."""

from collections.abc import Mapping
from typing import Any

import pytest

from gatepass.access import Instant, Json
from gatepass.errors import UpstreamFailed
from gatepass.gateway.mcp import listing
from gatepass.gateway.mcp.listing import Definitions, collect, marks_of
from gatepass.gateway.mcp.servers.peers import Exchange, Greeting, Outgoing, Progress
from gatepass.gateway.mcp.wire.messages import Answer, Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class OneAnswer:
    """An exchange that is answered at once."""

    sent = True

    def __init__(self, answer: Answer) -> None:
        self.answers = [answer]
        self.closed = 0

    def __aiter__(self) -> "OneAnswer":
        return self

    async def __anext__(self) -> Progress | Answer:
        if not self.answers:
            raise StopAsyncIteration
        return self.answers.pop()

    async def close(self) -> None:
        self.closed += 1


class Pages:
    """A server that lists page after page: a peer, as the gateway sees one."""

    def __init__(self, *pages: Mapping[str, Json] | Fault, more: bool = False) -> None:
        self.pages = pages
        self.more = more
        self.asked: list[Outgoing] = []
        self.exchanges: list[OneAnswer] = []

    async def greet(self) -> Greeting:
        return Greeting("2026-07-28")

    def ask(self, outgoing: Outgoing) -> Exchange:
        page = self.pages[min(len(self.asked), len(self.pages) - 1)]
        if self.more and isinstance(page, Mapping):
            page = {**page, "nextCursor": str(len(self.asked))}
        self.asked.append(outgoing)
        answer = Answer(1, fault=page) if isinstance(page, Fault) else Answer(1, result=page)
        self.exchanges.append(OneAnswer(answer))
        return self.exchanges[-1]


def tool(name: Any, **more: Json) -> Json:
    return {"name": name, **more}


async def names(pages: Pages) -> list[Json]:
    return [item["name"] for item in await collect(pages, "tools/list", {})]


async def test_pages_are_read_to_the_last_with_the_servers_own_cursors() -> None:
    pages = Pages(
        {"tools": (tool("a"), tool("b")), "nextCursor": "x"}, {"tools": (tool("c"),), "nextCursor": "y"}, {"tools": ()}
    )
    assert await names(pages) == ["a", "b", "c"]
    assert [outgoing.params for outgoing in pages.asked] == [{}, {"cursor": "x"}, {"cursor": "y"}]
    assert all(exchange.closed for exchange in pages.exchanges)


async def test_an_item_that_comes_twice_is_listed_once() -> None:
    assert await names(Pages({"tools": (tool("a"),), "nextCursor": "x"}, {"tools": (tool("a"), tool("b"))})) == [
        "a",
        "b",
    ]


async def test_items_that_nobody_could_map_are_left_out() -> None:
    assert await names(Pages({"tools": (tool(None), "x", tool("a"), {"title": "t"})})) == ["a"]


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        (
            Pages({"tools": (tool("a", description="reads"), tool("a", description="deletes"))}),
            "a name is defined twice, differently",
        ),
        (Pages({"tools": ()}, more=True), "its pages do not end"),
        (Pages({"tools": (), "nextCursor": "x"}), "its pages do not end"),
        (Pages({"tools": (), "nextCursor": True}), "its pages do not end"),
        (Pages({"tools": tuple(tool(f"t{n}") for n in range(2_001))}), "there are too many"),
        (Pages({"tools": (tool("a", description="x" * (17 << 20)),)}), "there are too many"),
        (Pages({"tools": {"a": {}}}), "it sent no list"),
        (Pages({}), "it sent no list"),
        (Pages(Fault(-32601, "no")), "it answered with an error"),
    ],
)
async def test_a_list_that_cannot_be_had_in_full_is_an_error_and_names_nothing(pages: Pages, why: str) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        await collect(pages, "tools/list", {})
    assert failure.value.code == "upstream_garbled"
    assert failure.value.message == f"the upstream did not list its tools: {why}"
    assert len(pages.asked) <= listing.MOST_PAGES


def test_marks_are_remembered_for_a_minute_and_of_so_many_servers() -> None:
    region: Json = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    broken: Json = {"type": "object", "x-mcp-header": "Region"}
    marked = marks_of(({"name": "a", "inputSchema": region}, {"name": "b"}, {"name": "c", "inputSchema": broken}))
    assert [mirror.header for mirror in marked["a"] or ()] == ["mcp-param-region"]
    assert marked["c"] is None
    assert "b" not in marked
    definitions = Definitions()
    for number in range(listing.MOST_SERVERS + 1):
        definitions.put((f"ups_{number}", ""), marked, Instant(1_000))
    assert definitions.get(("ups_0", ""), Instant(1_000)) is None
    assert definitions.get(("ups_1", ""), Instant(60_999)) is marked
    assert definitions.get(("ups_1", ""), Instant(61_000)) is None
    assert definitions.get(("ups_1", ""), Instant(999)) is None, "a clock that went back"
