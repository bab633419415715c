"""The committed screenshots are those that `scripts/screenshots` takes, and small."""

import struct
import zlib
from pathlib import Path

from tests.console.pictures import SHOTS, small

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"


def test_every_picture_is_there_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.png" for name, _, _ in SHOTS}


def test_pictures_are_small_and_of_the_size_of_their_look() -> None:
    for name, _, look in SHOTS:
        content = (FOLDER / f"{name}.png").read_bytes()
        assert len(content) < 120_000, name
        assert struct.unpack(">II", content[16:24]) == (look.width, look.height), name


def test_a_picture_without_many_colours_is_written_as_it_was() -> None:
    rows = b"".join(b"\0" + bytes([200, row, 3]) * 4 for row in range(3))
    head = struct.pack(">IIBBBBB", 4, 3, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    written = small(png)
    assert struct.unpack(">II", written[16:24]) == (4, 3)
    assert bytes([200, 1, 3]) in written
