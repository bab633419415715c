"""What meters have given out, as it is kept.

While a call may still give something back, what it drew is a row of its own. Later it is added to the sum of its
meter, so that what is kept grows with the number of meters and not with the number of calls. A quota whose
window is over is forgotten.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from gatepass.access import Instant
from gatepass.errors import Unavailable
from gatepass.limits import Spent
from gatepass.storage.lines import EXACT
from gatepass.storage.sqlite.schema import draws, spent
from gatepass.storage.sqlite.writing import Transaction

__all__ = ["fold", "load_spent"]

_MOST_FOLDED: Final = 5_000
"""Rows of one round of `fold`, which everybody who writes has to wait for."""

_Key = tuple[str, int, int]


def load_spent(connection: Connection, now: Instant) -> tuple[Spent, ...]:
    """All that is spent of totals, and of quotas whose window is not over at `now`. Raises `Unavailable`."""
    columns = ("meter", "period", "start", "used")
    sums: dict[_Key, Decimal] = {}
    for table in (spent, draws):
        rows = connection.execute(select(*(table.c[name] for name in columns)))
        for meter, period, start, used in rows:
            if not period or start + period > now:
                _add(sums, (meter, period, start), used)
    return tuple(Spent(meter, used, period, start) for (meter, period, start), used in sums.items())


def fold(transaction: Transaction, *, before: Instant, now: Instant) -> int:
    """Add up what was drawn before `before`, and forget quotas that are over at `now`. Returns how many rows went."""
    connection = transaction.connection
    oldest = connection.execute(select(draws).order_by(draws.c.decision).limit(_MOST_FOLDED)).all()
    rows = [row for row in oldest if row.at < before]
    sums: dict[_Key, Decimal] = {}
    for row in rows:
        if not row.period or row.start + row.period > now:
            _add(sums, (row.meter, row.period, row.start), row.used)
    for (meter, period, start), used in sums.items():
        key = (spent.c.meter == meter) & (spent.c.period == period) & (spent.c.start == start)
        before_that = connection.execute(select(spent.c.used).where(key)).scalar()
        whole = used if before_that is None else EXACT.add(used, _number(before_that))
        statement = insert(spent).values(meter=meter, period=period, start=start, used=str(whole))
        connection.execute(statement.on_conflict_do_update(index_elements=spent.primary_key, set_={"used": str(whole)}))
    _forget(connection, rows)
    over = (spent.c.period > 0) & (spent.c.start + spent.c.period <= now)
    return len(rows) + connection.execute(delete(spent).where(over)).rowcount


def _forget(connection: Connection, rows: Iterable[object]) -> None:
    keys = [(row.decision, row.meter, row.period) for row in rows]  # type: ignore[attr-defined]
    if keys:
        sql = "DELETE FROM draws WHERE decision = ? AND meter = ? AND period = ?"
        connection.exec_driver_sql(sql, keys)


def _add(sums: dict[_Key, Decimal], key: _Key, used: str) -> None:
    sums[key] = EXACT.add(sums.get(key, Decimal(0)), _number(used))


def _number(text: str) -> Decimal:
    """Read a kept amount. What cannot be read must not be taken for nothing."""
    try:
        return Decimal(text)
    except (InvalidOperation, TypeError):
        raise Unavailable("store_damaged", "what was spent of a meter cannot be read") from None
