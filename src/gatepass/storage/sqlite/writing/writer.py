"""The one thread that writes.

Whatever is to be written waits in one queue, in order. The thread takes all that is there, runs it in one
transaction, commits, and only then says so: many writers share one wait for the disk. It is woken by the first
who waits for something, and by a timer for what nobody waits for: a call's outcome so shares the commit of the next
call's intent, a read's intent that of its outcome. Each job runs in a savepoint of its own, so that one that fails
takes nobody along.

When a commit fails, everybody who was waiting is told, nothing of it is there, and from then on every append is
refused at once: whoever cannot record must not act. The thread keeps trying by itself, four times a second, and
the first thing that it manages to write is that it could not, since when, and how many it refused. After a
failed fsync, or on a damaged database, it tries no more: see docs/adr/0032.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import groupby
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from gatepass.access import Instant
from gatepass.audit import CLOSED, ORIGIN, RECOVERED, Entry, WriterId
from gatepass.errors import Conflict
from gatepass.storage.lines import Line, line_for
from gatepass.storage.sqlite.connections import Trouble, trouble_of
from gatepass.storage.sqlite.writing.receipts import Job, Receipt, settle
from gatepass.storage.sqlite.writing.transaction import Transaction, labelled, read_head

__all__ = ["Writer"]

T = TypeVar("T")

_MOST_WAITING: Final = 10_000
_MOST_WAITING_BYTES: Final = 32 * 1024 * 1024
_MOST_TOGETHER: Final = 2_000
"""Jobs of one transaction: beyond that the first would wait long for the last."""
_LINGER: Final = 0.005
"""Seconds that something stays in the queue at most while nobody waits for it."""
_FLUSH: Final = 0.25
"""Seconds that a reader waits at most for what is being written."""
_MANY: Final = 256
"""Jobs in the queue that are written though nobody waits."""
_RETRY: Final = 0.25
"""Seconds between two attempts to write again."""
_STALLED: Final = 10.0
"""Seconds after which a disk that does not answer counts as one that failed."""
_WAL_BYTES: Final = 4 * 1024 * 1024
"""Written since the last checkpoint before the next."""
_LABEL_BYTES: Final = 512
"""What an entry's labels and their places in the indexes come to, about."""
LABEL_EACH: Final = 1024
_MOST_PAGES: Final = 16 * 1024
"""Pages of the log, 64 MiB of them, from which on readers have to wait for a checkpoint that empties it."""


class Writer:
    """The queue, and the thread that empties it. Made in the event loop that its receipts belong to."""

    def __init__(
        self,
        writer: WriterId,
        *,
        engine: Callable[[], Engine],
        prepare: Callable[[Connection], None],
        there: Callable[[], bool],
        clock: Callable[[], Instant],
        label_each: int = LABEL_EACH,
    ) -> None:
        """`label_each`: how many entries are indexed at once."""
        self._loop = asyncio.get_running_loop()
        self._engine, self._prepare = engine, prepare
        self._writer, self._there, self._clock = writer, there, clock
        self._turn = threading.Lock()
        self._bell = threading.Lock()
        """Held while the thread has nothing to do. Rung outside the other lock, or the thread would wake to wait."""
        self._bell.acquire()
        self._waiting: list[Job] = []
        self._bytes = 0
        self._idle = False
        self._urgent = False
        self._hurried = False
        self._lingering: asyncio.TimerHandle | None = None
        self._closing = False
        self._trouble: Trouble | None = None
        self._since = Instant(0)
        self._refused = 0
        self._flying: list[Job] = []
        self._busy_since: float | None = None
        self._head: tuple[int, bytes] | None = None
        self._written = 0
        self._label_each, self._labelled = label_each, 0
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="gatepass-writer", daemon=True)

    # -- the event loop's side

    async def start(self) -> None:
        """Open the database. Raises what prevented it."""
        self._thread.start()
        await asyncio.wrap_future(self._started)
        self._watch()

    async def close(self) -> None:
        """Write what is waiting, say that it is closed, and end the thread. A disk that hangs is left behind."""
        with self._turn:
            self._closing = True
        self._ring()
        await asyncio.to_thread(self._thread.join, 2 * _STALLED)

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be written now, or None."""
        return self._trouble

    def append(self, line: Line) -> Receipt[None]:
        """Queue an entry. Raises `Unavailable` (`journal_unavailable`) at once when it cannot be written."""
        receipt: Receipt[None] = Receipt(self._loop, self._hurry)
        self._put(Job(receipt, (line,), size=len(line.body) + 512))
        return receipt

    def submit(self, work: Callable[[Transaction], T]) -> Receipt[T]:
        """Queue something to be done in a transaction. Raises `Unavailable` at once when it cannot be."""
        receipt: Receipt[T] = Receipt(self._loop, self._hurry)
        self._put(Job(receipt, work=work))
        return receipt

    async def flushed(self) -> None:
        """Return when what is in the queue has been written: who reads finds what was done before. Never waits long."""
        with self._turn:
            last = (self._waiting or self._flying)[-1:]
        with suppress(Exception):  # whatever prevents it from being written is told to those who wrote it
            async with asyncio.timeout(_FLUSH):
                for job in last:
                    await job.receipt.durable()

    def _put(self, job: Job) -> None:
        with self._turn:
            if self._closing or self._trouble is not None:
                self._refused += 1
                job.fail(self._trouble or _CLOSED)
            elif len(self._waiting) >= _MOST_WAITING or self._bytes >= _MOST_WAITING_BYTES:
                job.fail(_OVERRUN)
            else:
                self._waiting.append(job)
                self._bytes += job.size
                if len(self._waiting) >= _MANY:
                    self._hurry()
                elif self._lingering is None:
                    self._lingering = self._loop.call_later(_LINGER, self._wake)
                return
        assert job.failure is not None  # noqa: S101  both branches above have set it
        raise job.failure

    def _hurry(self) -> None:
        """Somebody waits. Once this turn of the loop is over: what else comes in it shares the wait for the disk."""
        if not self._hurried:
            self._hurried = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._hurried = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        with self._turn:
            self._urgent = bool(self._waiting)
            idle, self._idle = self._idle, self._idle and not self._urgent
        if idle and self._urgent:
            self._ring()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it has been rung, and not heard yet
            self._bell.release()

    def _watch(self) -> None:
        """Once a second: a disk that has not answered for long failed, and a file that was taken away is gone."""
        told: list[Job] = []
        there = self._there()
        with self._turn:
            if not there:
                told = self._fall(_GONE)
            elif self._busy_since is not None and time.monotonic() - self._busy_since > _STALLED:
                told = self._fall(_SILENT)
        settle(told)
        if not self._closing:
            self._loop.call_later(1, self._watch)

    def _fall(self, trouble: Trouble) -> list[Job]:
        """From now on refuse. Returns everybody who has to be told; called with the queue's lock held."""
        told = self._flying + self._waiting
        self._flying, self._waiting, self._bytes = [], [], 0
        if self._trouble is None:
            self._since = self._clock()
        if self._trouble is None or not self._trouble.final:
            self._trouble = trouble
        for job in told:
            self._refused += max(len(job.lines), 1)
            job.fail(trouble)
        return told

    # -- the thread's side

    def _main(self) -> None:
        try:
            engine = self._engine()
            try:
                with engine.connect() as connection:
                    self._prepare(connection)
                    self._labelled = labelled(connection)
                    self._started.set_result(None)
                    self._serve(connection)
            finally:
                engine.dispose()
        except BaseException as error:  # the database's code, and whatever it brings: nobody may be left waiting
            if not self._started.done():
                self._started.set_exception(error)
                return
            with self._turn:
                told = self._fall(_BROKEN)
            self._tell(told)
            raise

    def _serve(self, connection: Connection) -> None:
        while (batch := self._next()) is not None:
            if self._trouble is not None:
                self._recover(connection)
            elif batch:
                self._write(connection, batch)
                self._label(connection)
        if self._trouble is None:
            self._write(connection, [self._own(CLOSED)])
            self._checkpoint(connection, "TRUNCATE")

    def _next(self) -> list[Job] | None:
        """The next batch; an empty one when it is time to try again; None at the end."""
        waited = False
        while True:
            with self._turn:
                self._busy_since = None
                ready = waited if self._trouble is not None else self._urgent and bool(self._waiting)
                if ready or self._closing:
                    return self._taken()
                self._idle = True
                retries = self._trouble is not None and not self._trouble.final
            self._bell.acquire(timeout=_RETRY if retries else -1)
            waited = True

    def _taken(self) -> list[Job] | None:
        """Take what waits; called with the queue's lock held."""
        self._idle = False
        self._busy_since = time.monotonic()
        if self._closing and not self._waiting:
            return None
        batch, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
        self._urgent = bool(self._waiting)
        self._bytes -= sum(job.size for job in batch)
        self._flying = batch
        return batch

    def _write(self, connection: Connection, batch: list[Job]) -> None:
        """One transaction, one commit, then the news."""
        try:
            self._commit(connection, batch)
        except (DBAPIError, sqlite3.Error) as error:
            self._give_up(connection, error)
            return
        with self._turn:
            # Taken away by the watch, when the disk was silent for too long: they have been told otherwise.
            done, self._flying = self._flying, []
        self._tell(done)
        self._written += sum(job.size for job in batch)
        if self._written > _WAL_BYTES:
            self._checkpoint(connection, "PASSIVE")

    def _label(self, connection: Connection) -> None:
        """Have the entries before found by index too, many at a time: nobody waits for it but whoever comes next."""
        if self._head is None or self._head[0] - self._labelled < self._label_each:
            return
        transaction = Transaction(connection, self._writer, *self._head)
        try:
            transaction.raw.execute("BEGIN IMMEDIATE")
            last = transaction.label(self._labelled)
            transaction.raw.execute("COMMIT")
        except (DBAPIError, sqlite3.Error) as error:
            self._give_up(connection, error)
            return
        self._written += (last - self._labelled) * _LABEL_BYTES
        self._labelled = last

    def _commit(self, connection: Connection, batch: Sequence[Job]) -> None:
        if self._head is None:
            head = read_head(connection)
            self._head = (head.seq, head.hash) if head else (0, ORIGIN)
        transaction = Transaction(connection, self._writer, *self._head)
        transaction.raw.execute("BEGIN IMMEDIATE")
        for run in _runs(batch):
            if not _attempt(transaction, run) and len(run) > 1:
                for job in run:
                    _attempt(transaction, [job])
        transaction.raw.execute("COMMIT")
        self._head = transaction.seq, transaction.hash

    def _give_up(self, connection: Connection, error: DBAPIError | sqlite3.Error) -> None:
        """Nothing of the batch is there. Tell everybody, and refuse from now on."""
        self._head = None
        with suppress(DBAPIError, sqlite3.Error):
            connection.exec_driver_sql("ROLLBACK")
        with self._turn:
            told = self._fall(trouble_of(error) or _UNKNOWN)
        self._tell(told)

    def _recover(self, connection: Connection) -> None:
        """Try to write that nothing could be written. If that succeeds, the trouble is over."""
        trouble = self._trouble
        if trouble is None or trouble.final:
            return
        with self._turn:
            refused = self._refused
        details = {"since": str(self._since), "refused": str(refused), "why": trouble.why}
        try:
            self._commit(connection, [self._own(RECOVERED, details)])
        except (DBAPIError, sqlite3.Error) as error:
            self._give_up(connection, error)
            return
        with self._turn:
            self._trouble = None
            self._refused -= refused

    def _checkpoint(self, connection: Connection, how: str) -> None:
        """Move what was written from the log into the database. What fails here is in the log all the same."""
        with suppress(DBAPIError):
            _, pages, _ = connection.exec_driver_sql(f"PRAGMA wal_checkpoint({how})").one()
            self._written = 0
            if pages > _MOST_PAGES and how == "PASSIVE":  # readers were always in the way: now they have to wait
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def _own(self, event: str, details: Mapping[str, str] | None = None) -> Job:
        entry = Entry(
            at=self._clock(), event=event, actor="system", details={"writer": self._writer, **(details or {})}
        )
        return Job(Receipt(self._loop, self._hurry), (line_for(entry),))

    def _tell(self, jobs: list[Job]) -> None:
        if jobs:
            with suppress(RuntimeError):  # the loop is closed, so nobody is waiting
                self._loop.call_soon_threadsafe(settle, jobs)


_UNKNOWN: Final = Trouble("the database reports an error", damaged=False, final=False)
_BROKEN: Final = Trouble("the writer has failed", damaged=False, final=True)
_GONE: Final = Trouble("the database file was taken away", damaged=False, final=True)
_SILENT: Final = Trouble("the disk does not answer", damaged=False, final=False)
_OVERRUN: Final = Trouble("more is being written than the disk takes", damaged=False, final=False)
_CLOSED: Final = Trouble("it is closed", damaged=False, final=True)


def _runs(batch: Sequence[Job]) -> Iterator[list[Job]]:
    """Neighbours that only append go together; whatever else there is to do goes by itself."""
    for appends, jobs in groupby(batch, lambda job: job.work is None):
        if appends:
            yield list(jobs)
        else:
            yield from ([job] for job in jobs)


def _attempt(transaction: Transaction, jobs: list[Job]) -> bool:
    """Run jobs in one savepoint. A fault of the jobs is noted on them; a fault of the store is raised."""
    seq, hash_ = transaction.seq, transaction.hash
    transaction.raw.execute("SAVEPOINT job")
    try:
        if jobs[0].work is not None:
            jobs[0].result = jobs[0].work(transaction)
        else:
            transaction.append([line for job in jobs for line in job.lines])
    except Exception as error:  # the jobs' own code
        if isinstance(error, DBAPIError | sqlite3.Error) and trouble_of(error) is not None:
            raise
        transaction.raw.execute("ROLLBACK TO job")
        transaction.seq, transaction.hash = seq, hash_
        for job in jobs:
            job.failure = _failure(error)
    else:
        for job in jobs:
            job.failure = None
    transaction.raw.execute("RELEASE job")
    return jobs[0].failure is None


def _failure(error: Exception) -> Exception:
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict("conflict", "the decision has been journalled before")
    return error
