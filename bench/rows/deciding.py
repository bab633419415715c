"""What a call costs between its token and its secret, in one process, beside one raw ES256 verification.

The whole is the gateway's own steps 1 to 10 on the real journal: the token read and verified, the live list, its
attempts, the decision, three meters, and the intent encoded, chained and written to the disk in groups. Its parts
stand beside it, and what a withdrawal costs among 100,000 tokens with as many watchers.
"""

import asyncio
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from bench.peers.subjects import Ground
from bench.reporting.results import Goal
from bench.rows.contest import Contest, Measuring, Row, Say, Size, Taker
from bench.rows.gateway import Gateway
from bench.rows.journalling import entry
from gatepass.access import (
    Access,
    Action,
    ActionClass,
    AgentId,
    Context,
    CredentialId,
    Instant,
    PersonId,
    Reservation,
    Resource,
    Subject,
)
from gatepass.authority import Authority, Credential, Permission
from gatepass.credentials import TokenKind, UnverifiedToken, issue
from gatepass.limits import attempts, drawn_by_call, rate_limit_fields
from gatepass.limits.ledger import Drawn
from gatepass.policy import RolePolicy, decide
from gatepass.revocation import Live, Scope, Withdrawn
from gatepass.storage.ledger import InProcessLedger
from gatepass.storage.lines import line_for

__all__ = ["DECIDING", "PERMISSIONS"]

NOON: Final = 1_800_000_000_000
MINUTE: Final = 60_000
BUSY: Final = 1_000
"""Tokens at work."""
OFTEN: Final = (1_000_000, MINUTE)
TIMES: Final = 5_000
LEAST: Final = 0.25
"""Seconds that a step is repeated for: a short one would tell of the moment, not of itself."""
FALLING: Final = 200
"""Tokens withdrawn a round."""
VERIFICATION: Final = "raw ES256 verification"
WHOLE: Final = "verify, decide, draw, record"
PARTS: Final = "the same by its parts"
NARROW: Final = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"

Step = Callable[[], object]


def credential(number: int, authority: Authority) -> Credential:
    return Credential(
        id=CredentialId(f"crd_{number:010}"),
        subject=AgentId(f"agt_{number // 10:010}"),
        owner=PersonId(f"per_{number // 1000:010}"),
        authority=authority,
        issued=Instant(NOON),
        expires=Instant(NOON + MINUTE),
    )


def verifying() -> Step:
    key = ec.generate_private_key(ec.SECP256R1())
    signature, public, algorithm = key.sign(b"x" * 300, ec.ECDSA(SHA256())), key.public_key(), ec.ECDSA(SHA256())
    return lambda: public.verify(signature, b"x" * 300, algorithm)


def nothing() -> None:
    """Whoever watches here has nothing to do."""


def watching(live: Live, credential: CredentialId) -> Step:
    def step() -> None:
        unwatch = live.watch(credential, "orders", nothing)
        unwatch()

    return step


def deciding(held: Credential, role: Authority) -> Step:
    policy = RolePolicy("support", role)
    access = Access(
        Subject(held.id, AgentId("agt_0")),
        Action("refund", ActionClass.WRITE),
        Resource("orders", ("order-12345",)),
        Context(Instant(NOON), source="10.0.0.1"),
        {"amount": Decimal("49.50"), "currency": "USD"},
    )
    classes = frozenset(ActionClass)
    return lambda: decide(held, classes, policy, access)


def role() -> Authority:
    return Authority.of(*map(Permission.parse, ("orders:refund", "orders:list")))


def drawing(ids: list[CredentialId], reading: Iterator[int]) -> tuple[Step, Step, Drawn]:
    """An attempt, the meters of a writing call, and what one of those was given."""
    ledger = InProcessLedger()

    def draw(reservations: tuple[Reservation, ...], number: int) -> object:
        made = ledger.draw(reservations, Instant(NOON + number))
        try:
            made.send(None)
        except StopIteration as done:
            return done.value
        raise RuntimeError("the ledger suspended")

    def attempt() -> object:
        number = next(reading)
        return draw((attempts(ids[number % BUSY], *OFTEN),), number)

    def call() -> object:
        number = next(reading)
        mine, (often, _) = ids[number % BUSY], OFTEN
        limits = {"writes_per_minute": often, "requests_per_day": often}
        return draw(drawn_by_call(mine, ActionClass.WRITE, calls=OFTEN, **limits), number)

    first = call()
    for _ in range(BUSY):  # every token has called before
        attempt()
        call()
    assert isinstance(first, Drawn)
    return attempt, call, first


def presenting() -> Step:
    """A bearer token that was seen before: read, and compared with what is kept of it."""
    issued = issue(TokenKind.MACHINE, Instant(NOON), os.urandom)
    text = issued.reveal()
    return lambda: UnverifiedToken.parse(text).matches(issued.hash)


def recording(held: Credential, drawn: Drawn) -> Step:
    """The intent of a call, as the gateway hands it to the journal: its bytes, and what it has drawn."""
    intent = entry(1).amended(credential=held.id, reservations=drawn.reservations)
    return lambda: line_for(intent.amended(at=Instant(NOON)))


def by_parts(*parts: Step) -> Step:
    """One after the other: what a call cannot do without."""

    def step() -> None:
        for part in parts:
            part()

    return step


def timed(step: Step, times: int, least: float = 0.0) -> Measuring:
    """Processor time of one step, so many times over and for at least so many seconds."""

    def measure() -> dict[str, float]:
        done, begun, spent = 0, time.process_time(), 0.0
        while not done or spent < least:
            for _ in range(times):
                step()
            done += times
            spent = time.process_time() - begun
        return {"cpu_us": spent / done * 1e6}

    return measure


@contextmanager
def opened(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:
    """A hundred thousand tokens with as many watchers, and a gateway on a journal of its own."""
    many, times, least = size.many(100_000, 10_000), size.many(TIMES, 1_000), size.seconds(LEAST)
    say(f"    {many:,} credentials")
    authority = Authority.of(Permission.parse(NARROW))
    everybody = [credential(number, authority) for number in range(many)]
    live, reading = Live(), count()
    for each in everybody:
        live.add(each)
        live.watch(each.id, "orders", nothing)
    ids = [each.id for each in everybody]
    to_fall = iter(ids)
    attempt, call, drawn = drawing(ids, reading)
    shown, decided, recorded = presenting(), deciding(everybody[-1], role()), recording(everybody[-1], drawn)
    checked = partial(live.check, ids[-1], "orders")
    parts = by_parts(shown, checked, attempt, decided, call, recorded)
    with asyncio.Runner() as runner, Gateway.opened(runner, ground.folder / "deciding", NARROW) as gateway:
        steps: dict[str, tuple[Measuring, str]] = {
            VERIFICATION: (timed(verifying(), times // 5, least), "cryptography, 300 bytes"),
            WHOLE: (lambda: gateway.measured(times), "steps 1 to 10 of a read, journal on the disk in groups"),
            PARTS: (timed(parts, times, least), "the parts alone, one after the other, the record not written yet"),
            "token: read and compared": (timed(shown, times, least), ""),
            "live list: check": (timed(checked, times, least), ""),
            "live list: watch and unwatch": (timed(watching(live, ids[-1]), times, least), ""),
            "live list: withdraw one": (
                timed(lambda: live.withdraw(Withdrawn(Scope.CREDENTIAL, next(to_fall), Instant(NOON))), FALLING),
                f"of {many:,}, as many watchers",
            ),
            "meters: one attempt": (timed(attempt, times, least), ""),
            "meters: a call with three": (timed(call, times, least), ""),
            "meters: fields of an answer": (timed(lambda: rate_limit_fields(drawn.levels), times, least), ""),
            "decision": (timed(decided, times, least), "one permission with three limits"),
            "journal: a record in bytes": (timed(recorded, times, least), "an intent with its reservations"),
        }
        gc.collect()
        gc.freeze()  # as a server may, once it has loaded its records: they are not garbage
        try:
            takers = {name: Taker(measure=step, settings=said) for name, (step, said) in steps.items()}
            yield Contest(takers=takers, facts={"credentials": f"{many:,}"})
        finally:
            gc.unfreeze()


@contextmanager
def compared(ground: Ground, size: Size, say: Say) -> Iterator[Contest]:  # noqa: ARG001 - as every row is opened
    """One decision with ten permissions, and with ten thousand."""
    times = size.many(TIMES, 1_000)
    takers: dict[str, Taker] = {}
    for held in (10, 10_000):
        others = (f"orders:refund:order-{number}?amount<=50&amount>=0&currency=USD" for number in range(held - 1))
        authority = Authority.of(*map(Permission.parse, (*others, NARROW)))
        say(f"    {held:,} permissions")
        step = deciding(credential(held, authority), authority)
        step()  # what is looked up by is made at the first decision
        takers[f"{held:,} permissions"] = Taker(measure=timed(step, times, size.seconds(LEAST)))
    yield Contest(takers=takers, facts={"permissions": "of the token and of the role, three caveats each"})


DECIDING: Final = Row(
    name="deciding",
    title="Between the token and the secret",
    floor=VERIFICATION,
    shows={"cpu_us": "CPU µs"},
    goals=(
        Goal(
            number=1,
            what="verify, decide, limits, journal record on disk, bearer seen before: CPU against one raw ES256 verify",
            metric="cpu_us",
            subject=WHOLE,
            beside=VERIFICATION,
            bound=0.3,
        ),
        Goal(
            number=1,
            what="the same by its parts, the record made and not written",
            metric="cpu_us",
            subject=PARTS,
            beside=VERIFICATION,
            bound=0.3,
        ),
    ),
    open=opened,
)

PERMISSIONS: Final = Row(
    name="permissions",
    title="A decision by the number of permissions",
    floor="10 permissions",
    shows={"cpu_us": "CPU µs"},
    goals=(
        Goal(
            number=10,
            what="decision at 10,000 permissions against 10",
            metric="cpu_us",
            subject="10,000 permissions",
            beside="10 permissions",
            bound=2,
        ),
    ),
    open=compared,
)
