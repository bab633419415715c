"""What a whole REST call costs that is not HTTP: by step, in one process, beside one raw ES256 verification.

A request of 150 bytes as the front hands it over, and an upstream that answers with 300 at once: in between is
everything of ours. The steps are cumulative, each stands for all before it. Up to the last one the journal's records
are made and not stored; the last is 32 calls at a time on the real journal, its thread and its disk.
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from bench.load.upstream import KEY, REFUNDED
from bench.peers.subjects import REFUND, REFUND_PATH, Ground
from bench.rows.contest import Contest, Measuring, Row, Say, Size, Taker
from bench.rows.deciding import NARROW, VERIFICATION, timed, verifying
from bench.rows.gateway import Gateway, now
from gatepass.access import SecretId
from gatepass.audit import Entry, Journal
from gatepass.credentials import Ahead
from gatepass.gateway.callers import Caller
from gatepass.gateway.forwarding.door import Exposed, HttpCall, Traffic
from gatepass.gateway.requests import Headers, Request
from gatepass.gateway.rest import RestSurface
from gatepass.gateway.rest.reading import Plan, Reading
from gatepass.keys import Keyring, Sealer, origin_of
from gatepass.registry import Injection, InjectionKind
from gatepass.storage.lines import line_for

__all__ = ["CALLING"]

TOGETHER: Final = 32
TIMES: Final = 2_000
HEAD: Final[Headers] = (
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(REFUNDED)),
    (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"server", b"orders"),
)


class Kept:
    """The receipt of a record that is stored nowhere."""

    async def durable(self) -> None:
        """At once."""


class Encoding:
    """A journal that makes its lines, and lets go of them."""

    def __init__(self) -> None:
        self.kept = Kept()

    def append(self, entry: Entry, /) -> Kept:
        """Encode the entry."""
        line_for(entry)
        return self.kept


class Once:
    """A body in one piece."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.piece:
            raise StopAsyncIteration
        piece, self.piece = self.piece, b""
        return piece


class Answer:
    """The upstream's answer, there already."""

    status = 200
    headers = HEAD
    ended = False

    async def read(self) -> bytes:
        """All of it, then nothing."""
        piece, self.ended = b"" if self.ended else REFUNDED, True
        return piece

    def close(self) -> None:
        """There is no connection."""


class Near:
    """A door with the upstream right behind it: it takes the secret and sends nothing."""

    async def send(self, call: HttpCall, secret: Exposed | None, traffic: Traffic) -> Answer:  # noqa: ARG002 - as doors are
        """Answer at once."""
        if secret is not None:
            secret.expose_to(lambda value: b"Bearer " + value)
        traffic.left = True
        return Answer()

    async def close(self) -> None:
        """There is no connection."""


@dataclass(slots=True)
class Calling:
    """One gateway, its REST surface, and the request that is made again and again."""

    gateway: Gateway
    surface: RestSurface
    headers: Headers

    def request(self) -> Request:
        """A refund, as the front hands it over."""
        return Request("POST", "orders", REFUND_PATH.encode(), b"", self.headers, "127.0.0.1", Once(REFUND))

    async def met(self) -> Caller:
        """Steps 1 to 4."""
        return await self.surface.admission.meet(self.request(), "rest")

    async def read(self) -> tuple[Caller, Plan]:
        """And 5."""
        caller = await self.met()
        served = caller.served
        assert served is not None
        reading = Reading(served.operations.rest, served.upstream, caller.request)
        return caller, await reading.plan(caller, self.surface.patience)

    async def admitted(self) -> None:
        """And 6 to 10."""
        caller, plan = await self.read()
        (await self.surface.admission.admit(caller, plan.access, arguments=plan.arguments)).leave()

    async def whole(self) -> None:
        """And 11 to 13."""
        reply = await self.surface.handle(self.request())
        async for _ in reply.body:
            pass

    def alone(self, step: Callable[[], Awaitable[object]], times: int) -> Measuring:
        """Processor time of one, one after the other."""

        async def go() -> None:
            for _ in range(times):
                await step()

        return self._measuring(Encoding(), go, times)

    def together(self, journal: Journal, times: int) -> Measuring:
        """Processor time of one of many at once."""

        async def one() -> None:
            for _ in range(times // TOGETHER):
                await self.whole()

        async def go() -> None:
            await asyncio.gather(*(one() for _ in range(TOGETHER)))

        return self._measuring(journal, go, times // TOGETHER * TOGETHER)

    def _measuring(self, journal: Journal, go: Callable[[], Awaitable[None]], times: int) -> Measuring:
        async def run() -> None:
            await go()

        def measure() -> dict[str, float]:
            self.surface.admission.journal = journal
            begun = time.process_time()
            self.gateway.runner.run(run())
            return {"cpu_us": (time.process_time() - begun) / times * 1e6}

        return measure


def calling(gateway: Gateway, keyring: Callable[[], Keyring]) -> Calling:
    """The gateway with a secret for its upstream, and a call to it."""
    snapshot = gateway.admission.snapshot
    gateway.admission.entropy = Ahead(os.urandom)
    upstream = snapshot.upstreams["orders"].upstream
    origin, sealer = origin_of(upstream), Sealer(keyring, os.urandom)
    sealed = sealer.seal(
        KEY.encode(), id=SecretId("sec_1"), name="k", upstream=upstream.id, origin=origin, version=1, at=now()
    )
    snapshot.put(sealed)
    injection = Injection(InjectionKind.HEADER, "authorization", "Bearer ")
    snapshot.put(replace(upstream, secret=sealed.id, injection=injection))
    headers = (*gateway.request.headers, (b"content-length", b"%d" % len(REFUND)))
    return Calling(gateway, RestSurface(admission=gateway.admission, door=Near()), headers)


@contextmanager
def opened(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:  # noqa: ARG001 - as every row is opened
    """A gateway on a journal of its own."""
    times = size.many(TIMES, 320)
    with asyncio.Runner() as runner, Gateway.opened(runner, ground.folder / "calling", NARROW) as gateway:
        call = calling(gateway, gateway.keyring)
        steps: dict[str, tuple[Measuring, str]] = {
            VERIFICATION: (timed(verifying(), times // 4), "cryptography, 300 bytes"),
            "met": (call.alone(call.met, times), "steps 1 to 4"),
            "and read": (call.alone(call.read, times), "step 5: path, headers, body, arguments in canonical form"),
            "and admitted": (call.alone(call.admitted, times), "steps 6 to 10, the record encoded"),
            "whole": (call.alone(call.whole, times), "steps 11 to 13: secret opened, answer redacted, outcome encoded"),
            "whole, stored": (
                call.together(gateway.admission.journal, times),
                f"{TOGETHER} at once, on the journal's thread and disk",
            ),
        }
        gc.collect()
        gc.freeze()
        try:
            yield Contest(takers={name: Taker(measure=step, settings=said) for name, (step, said) in steps.items()})
        finally:
            gc.unfreeze()


CALLING: Final = Row(
    name="calling",
    title="A whole call without its HTTP",
    floor=VERIFICATION,
    shows={"cpu_us": "CPU µs"},
    goals=(),
    open=opened,
)
