"""The screenshots of docs/screenshots, taken from a deployment in memory; `scripts/screenshots` runs this.

Seed, clock and content are fixed, so that a picture changes when a page does. Pictures are written with a palette
of their most frequent colours, which for pages is as good as the original and a third of its size.
"""

import struct
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from tests.console.browser import DARK, DARK_PHONE, LIGHT, PHONE, Look, chromium, signed_in_state, visit
from tests.console.content import KEY, ORDERS, WAREHOUSE

from gatepass.testing import LocalDeployment

BEGIN = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SHOTS: list[tuple[str, str, Look]] = [
    ("sign-in", "/console/sign-in", LIGHT),
    ("overview", "/console", LIGHT),
    ("overview-dark", "/console", DARK),
    ("overview-phone", "/console", PHONE),
    ("tokens", "/console/tokens", LIGHT),
    ("token-new", "/console/tokens/_new?agent=support-bot", LIGHT),
    ("token", "/console/tokens/{refund-desk}", LIGHT),
    ("story", "/console/stories/{refund-desk}", LIGHT),
    ("story-phone-dark", "/console/stories/{refund-desk}", DARK_PHONE),
    ("journal", "/console/journal", LIGHT),
    ("journal-dark", "/console/journal?outcome=deny", DARK),
    ("upstream", "/console/upstreams/orders", LIGHT),
    ("secrets", "/console/secrets", LIGHT),
    ("role-change", "/console/roles/support/change", LIGHT),
]
REFUND = {"amount": 20, "currency": "USD", "user": "user-678"}


@dataclass
class Scene:
    """A served deployment with an hour behind it."""

    origin: str
    code: str
    ids: dict[str, str] = field(default_factory=dict)


@contextmanager
def scene() -> Iterator[Scene]:
    """An hour of a support desk: mostly permitted, now and then too much, once a burst."""
    with LocalDeployment(at=BEGIN, seed=8420) as deployment:
        deployment.upstream("orders", lambda _: {"ok": True}, operations=ORDERS, secret=KEY)
        deployment.upstream("warehouse", lambda _: {"rows": []}, operations=WAREHOUSE, secret=KEY)
        _people_and_roles(deployment)
        tokens = _tokens(deployment)
        for minute in range(60):
            deployment.clock.advance(minutes=1)
            _minute(minute, tokens)
        deployment.clock.advance(seconds=30)
        tokens["old-laptop"].revoke("the laptop was left on a train")
        deployment.admin.act("upstreams", "warehouse", "disable")
        with deployment.serve() as served:
            code = str(deployment.admin.act("people", "ada", "code")["code"])
            yield Scene(served.people_url, code, {name: held.id for name, held in tokens.items()})


def _people_and_roles(deployment: LocalDeployment) -> None:
    deployment.admin.create("people", {"name": "ada", "operator": "admin"})
    refunds = "orders:refund:*?amount<=50&amount>=0&currency=USD&user=user-678"
    deployment.role("support", "orders:list", "orders:read:*", refunds, max_lifetime_seconds=604_800)
    deployment.role("reporting", "orders:list", "tables:read:*")


def _tokens(deployment: LocalDeployment) -> dict[str, Any]:
    support, report = deployment.agent("support-bot", "support"), deployment.agent("nightly-report", "reporting")
    refunds = "orders:refund:*?amount<=50&amount>=0&currency=USD&user=user-678"
    scopes = ("orders:list", "orders:read:*", refunds)
    hours = timedelta(hours=8)
    few = {"calls": {"count": 6, "period_seconds": 60}}
    why = "refund what customers were promised"
    return {
        "refund-desk": support.token(*scopes, name="refund-desk", lifetime=hours, purpose=why),
        "laptop": support.token(*scopes[:2], name="laptop", lifetime=hours, limits=few),
        "old-laptop": support.token(*scopes[:2], name="old-laptop", lifetime=hours),
        "nightly": report.token("orders:list", name="nightly", lifetime=timedelta(hours=2)),
    }


def _minute(minute: int, tokens: dict[str, Any]) -> None:
    for call in range(2 + (minute * 7) % 5):
        tokens["laptop"].get(f"/u/orders/orders/order-{12340 + call}")
    if minute % 3 == 0:
        tokens["nightly"].get("/u/orders/orders?page=1")
    if minute in range(38, 43):
        for _ in range(9):
            tokens["laptop"].get("/u/orders/orders?page=1")
    if minute % 8 == 5:
        desk = tokens["refund-desk"]
        desk.get(f"/u/orders/orders/order-{12340 + minute}")
        amount = 20 if minute % 16 == 5 else 51
        desk.post(f"/u/orders/orders/order-{12340 + minute}/refunds", json={**REFUND, "amount": amount})


def take(browser: Browser, folder: Path) -> list[Path]:
    """Every picture, in its look."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with scene() as made:
        state = signed_in_state(browser, made.origin, made.code)
        for name, path, look in SHOTS:
            for known, id_ in made.ids.items():
                path = path.replace("{" + known + "}", id_)  # noqa: PLW2901 - the address, filled in
            with visit(browser, made.origin, look, None if name == "sign-in" else state) as (page, _):
                page.goto(path)
                page.mouse.move(0, 0)
                file = folder / f"{name}.png"
                file.write_bytes(small(page.screenshot()))
                taken.append(file)
    return taken


def small(png: bytes) -> bytes:
    """The same picture with a palette of 256 colours."""
    width, height, size, lines = _pixels(png)
    pixels = [lines[at : at + 3] for at in range(0, len(lines), size)]
    palette = [colour for colour, _ in Counter(pixels).most_common(256)]
    index = {colour: number for number, colour in enumerate(palette)}
    rows = bytearray()
    for row in range(height):
        rows.append(0)
        for pixel in pixels[row * width : (row + 1) * width]:
            if pixel not in index:
                index[pixel] = min(range(len(palette)), key=lambda each: _apart(palette[each], pixel))
            rows.append(index[pixel])
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _apart(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _pixels(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bytes a pixel, and the bytes, of a PNG as the browser writes it: 8 bits, not interlaced."""
    at, data, head = 8, bytearray(), b""
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        head = content if kind == b"IHDR" else head
        data += content if kind == b"IDAT" else b""
        at += 12 + length
    width, height = struct.unpack(">II", head[:8])
    size = {2: 3, 6: 4}[head[9]]
    raw, stride = zlib.decompress(bytes(data)), width * size
    before, lines = bytes(stride), bytearray()
    for row in range(height):
        start = row * (stride + 1)
        before = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), before, size)
        lines += before
    return width, height, size, bytes(lines)


def _unfiltered(kind: int, line: bytearray, above: bytes, size: int) -> bytes:
    for at in range(len(line)):
        left = line[at - size] if at >= size else 0
        if kind == 1:
            line[at] = (line[at] + left) & 255
        elif kind == 2:
            line[at] = (line[at] + above[at]) & 255
        elif kind == 3:
            line[at] = (line[at] + (left + above[at]) // 2) & 255
        elif kind == 4:
            corner = above[at - size] if at >= size else 0
            guess = left + above[at] - corner
            near = min((left, above[at], corner), key=lambda each: abs(guess - each))
            line[at] = (line[at] + near) & 255
    return bytes(line)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as started:
        for picture in take(started, Path(sys.argv[1])):
            print(picture, picture.stat().st_size)  # noqa: T201 - it says what it wrote
