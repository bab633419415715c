"""The deployment in memory and a real `gatepass up` pass one suite of stories."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.bearers import bearers
from tests.contracts.deployment import DeploymentStories, OrdersApi, Place
from tests.e2e.place import Place as Up
from tests.e2e.place import running as up
from tests.e2e.place import signed_in
from tests.testing.world import KEY, ORDERS
from tests.web.served import running

from gatepass.client import Management, Transport
from gatepass.testing import LocalDeployment
from gatepass.testing.agents import said


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


class InMemory:
    """The one in memory, as a place."""

    role, agent = "support", "bot"

    def __init__(self, gatepass: LocalDeployment, closing: ExitStack) -> None:
        self.gatepass, self.closing = gatepass, closing
        self.api = OrdersApi()
        self.admin = gatepass.admin
        self.bearers = bearers(at=gatepass.clock())

    def register(self) -> None:
        self.gatepass.upstream("orders", self.api.app, operations=ORDERS, secret=KEY)

    def client(self, token: str | None) -> httpx2.Client:
        client = httpx2.Client(transport=self.gatepass.transport(), base_url="http://127.0.0.1", headers=bearer(token))
        return self.closing.enter_context(client)

    def signed_in_with(self, code: str) -> Management:
        with Transport("http://localhost", through=self.gatepass.transport()) as stranger:
            token = str(Management(stranger).sign_in({"code": code})["token"])
        through = self.gatepass.transport()
        return Management(self.closing.enter_context(Transport("http://localhost", token, through=through)))


class Process:
    """`gatepass up`, on a disk and on sockets: one for all stories."""

    def __init__(self, place: Up, api: OrdersApi, port: int, closing: ExitStack) -> None:
        self.place, self.api, self.closing = place, api, closing
        self.target = f"http://127.0.0.1:{port}"
        self.admin = signed_in(place)
        self.role, self.agent = "support", "bot"
        self.bearers = bearers()
        self.stories = 0

    def next_story(self) -> None:
        """Names that no story before had."""
        self.stories += 1
        self.role, self.agent = f"support-{self.stories}", f"bot-{self.stories}"

    def register(self) -> None:
        self.api.seen.clear()
        if self.admin.listed("upstreams"):
            self.admin.act("upstreams", "orders", "enable")
            return
        injection = {"kind": "header", "name": "authorization", "prefix": "Bearer "}
        form = {"name": "orders", "kind": "rest", "target": self.target, "operations": ORDERS, "injection": injection}
        self.admin.create("upstreams", said(form))
        self.admin.create("secrets", {"name": "orders-key", "upstream": "orders", "value": KEY})

    def client(self, token: str | None) -> httpx2.Client:
        client = httpx2.Client(base_url=self.place.agents_url, headers=bearer(token), trust_env=False)
        return self.closing.enter_context(client)

    def signed_in_with(self, code: str) -> Management:
        with Transport(self.place.people_url) as stranger:
            token = str(Management(stranger).sign_in({"code": code})["token"])
        return Management(self.closing.enter_context(Transport(self.place.people_url, token)))


@contextmanager
def process(folder: Path) -> Iterator[Process]:
    api = OrdersApi()
    with running(api.app) as port, up(folder) as place, ExitStack() as closing:
        yield Process(place, api, port, closing)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The process of all stories."""
    with process(tmp_path_factory.mktemp("up")) as place:
        yield place


class TestInMemory(DeploymentStories):
    """The one of `gatepass.testing`."""

    @pytest.fixture
    def place(self) -> Iterator[Place]:
        with LocalDeployment() as gatepass, ExitStack() as closing:
            yield InMemory(gatepass, closing)


class TestProcess(DeploymentStories):
    """The one that users run."""

    @pytest.fixture
    def place(self, shared: Process) -> Place:
        shared.next_story()
        return shared
