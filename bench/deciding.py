"""What a call costs between its token and its secret: live list, meters, decision; and what a withdrawal costs.

    python bench/deciding.py [--credentials 100000] [--rounds 5]

Each figure stands beside one raw ES256 verification that was measured in the same interleaved rounds. The ratios
travel to other machines; microseconds do not.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

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
from gatepass.limits import attempts, drawn_by_call, rate_limit_fields
from gatepass.limits.ledger import Drawn
from gatepass.policy import RolePolicy, decide
from gatepass.revocation import Live, Scope, Withdrawn
from gatepass.storage.ledger import InProcessLedger

NOON = 1_800_000_000_000
MINUTE = 60_000
BUSY = 1_000
"""Tokens at work."""
OFTEN = (1_000_000, MINUTE)
TIMES = 5_000

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


def deciding(held: Credential) -> Step:
    role = RolePolicy("support", Authority.of(*map(Permission.parse, ("orders:refund", "orders:list"))))
    access = Access(
        Subject(held.id, AgentId("agt_0")),
        Action("refund", ActionClass.WRITE),
        Resource("orders", ("order-12345",)),
        Context(Instant(NOON), source="10.0.0.1"),
        {"amount": Decimal("49.50"), "currency": "USD"},
    )
    classes = frozenset(ActionClass)
    return lambda: decide(held, classes, role, access)


def drawing(ids: list[CredentialId], reading: Iterator[int]) -> tuple[Step, Step, Step]:
    """An attempt, the meters of a writing call, and the fields of an answer."""
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
    return attempt, call, lambda: rate_limit_fields(first.levels)


def microseconds(step: Step, times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - begun) / times * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credentials", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()

    authority = Authority.of(Permission.parse("orders:refund:order-12345?amount<=50&amount>=0&currency=USD"))
    everybody = [credential(number, authority) for number in range(asked.credentials)]
    live, reading = Live(), count()
    for each in everybody:
        live.add(each)
        live.watch(each.id, "orders", nothing)
    ids = [each.id for each in everybody]
    to_fall = iter(ids)
    attempt, call, fields = drawing(ids, reading)
    steps: dict[str, tuple[Step, int]] = {
        "raw ES256 verification": (verifying(), 1_000),
        "live list: check": (lambda: live.check(ids[-1], "orders"), TIMES),
        "live list: watch and unwatch": (watching(live, ids[-1]), TIMES),
        "live list: withdraw one": (
            lambda: live.withdraw(Withdrawn(Scope.CREDENTIAL, next(to_fall), Instant(NOON))),
            len(ids) // (2 * asked.rounds),
        ),
        "meters: one attempt": (attempt, TIMES),
        "meters: a call with three": (call, TIMES),
        "meters: fields of an answer": (fields, TIMES),
        "decision": (deciding(everybody[-1]), TIMES),
    }
    gc.freeze()  # as a server may, once it has loaded its records: they are not garbage
    seen: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(asked.rounds):
        for name, (step, times) in steps.items():
            seen[name].append(microseconds(step, times))
    floor = statistics.median(seen["raw ES256 verification"])
    print(f"{len(ids)} credentials, as many watchers; medians of {asked.rounds} interleaved rounds, CPU")
    for name, all_of_it in seen.items():
        middle = statistics.median(all_of_it)
        spread = (max(all_of_it) - min(all_of_it)) / middle
        print(f"{name:32} {middle:9.2f} us   {middle / floor:6.3f} x   spread {spread:4.0%}")


if __name__ == "__main__":
    main()
