"""The exception from proof of possession that a test with plain tokens sets, openly."""

import time

from gatepass.units import instant_text


def bearers(days: int = 7, at: int | None = None) -> dict[str, str]:
    """As the management API takes it, from `at` on, or from now."""
    until = (time.time_ns() // 1_000_000 if at is None else at) + days * 86_400_000
    return {"bearer_until": instant_text(until), "bearer_because": "this test uses plain tokens"}
