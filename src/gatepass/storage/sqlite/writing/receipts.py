"""What is in the queue to be written, and the receipt by which one learns what became of it.

A receipt belongs to the event loop that it was made for and is only ever touched there: the writing thread
hands back whole batches, one call into the loop for each. What nobody waits for may stay in the queue a moment
longer, so that it shares a commit with what follows; whoever waits hurries it.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from gatepass.errors import Error
from gatepass.storage.lines import Line
from gatepass.storage.sqlite.connections import Trouble
from gatepass.storage.sqlite.writing.transaction import Transaction

__all__ = ["Job", "Receipt", "settle"]

T = TypeVar("T")


class Receipt(Generic[T]):
    """The receipt of one job. As a `Ticket` it says when an entry is durable; `result` is what the job returned."""

    __slots__ = ("_failure", "_hurry", "_loop", "_result", "_settled", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, hurry: Callable[[], None]) -> None:
        """`hurry` has the queue written at the end of this turn of the loop."""
        self._loop = loop
        self._hurry = hurry
        self._settled = False
        self._result: T | None = None
        self._failure: BaseException | None = None
        self._waiting: list[asyncio.Future[None]] = []

    async def durable(self) -> None:
        """Return once it is on the disk. Raises what prevented it."""
        if not self._settled:
            # One each: several may wait, and one who gives up must not take the others along.
            future = self._loop.create_future()
            self._waiting.append(future)
            self._hurry()
            await future
        if self._failure is not None:
            raise _copied(self._failure)

    async def result(self) -> T:
        """What the job returned, once it is on the disk. Raises what prevented it."""
        await self.durable()
        return cast("T", self._result)

    def settle(self, result: T | None, failure: BaseException | None) -> None:
        """Say what became of it. The first word counts: what was reported as failed stays failed."""
        if self._settled:
            return
        self._settled, self._result, self._failure = True, result, failure
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


def _copied(failure: BaseException) -> BaseException:
    """One failure may be raised to many; each gets its own, so that tracebacks do not pile up on one."""
    if isinstance(failure, Error):
        return type(failure)(failure.code, failure.message, hint=failure.hint, details=failure.details)
    return failure


@dataclass(slots=True, eq=False)
class Job:
    """One unit of work: entries to append, or something to do in a savepoint of its own."""

    receipt: Receipt[Any]
    lines: tuple[Line, ...] = ()
    work: Callable[[Transaction], Any] | None = None
    size: int = 1024
    """Bytes that it keeps in the queue, about."""
    result: Any = None
    failure: BaseException | None = None

    def fail(self, trouble: Trouble) -> None:
        """Note why it was not done."""
        self.failure = trouble.journal_error() if self.work is None else trouble.error()


def settle(jobs: Iterable[Job]) -> None:
    """Hand the receipts of a batch their results. Runs in the event loop."""
    for job in jobs:
        job.receipt.settle(job.result, job.failure)
