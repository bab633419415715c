"""The files that are the same for everybody: style, scripts, pictures; read once, at the start.

Their address holds the digest of all of them, so that a browser may keep them for ever and still never mixes two
versions. An address without it, or with another, is answered with the same file, which nobody keeps then. Only
what was there at the start is served: no path is ever looked up on the disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from gatepass.gateway.requests import Headers

__all__ = ["Asset", "Assets"]

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".woff2": b"font/woff2",
}
_ROOT: Final = "/console/static"
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes = field(repr=False)
    headers: Headers


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them, by their place below the folder."""

    files: Mapping[str, bytes] = field(repr=False)
    digest: str

    @classmethod
    def read(cls, folder: Path) -> "Assets":
        """Every file of a kind that browsers are given."""
        paths = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file())
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        digest = sha256()
        for name, content in files.items():
            digest.update(f"{name}\n{len(content)}\n".encode() + content)
        return cls(files, digest.hexdigest()[:_DIGITS])

    @property
    def root(self) -> str:
        """What the addresses of this version begin with."""
        return f"{_ROOT}/{self.digest}"

    def find(self, path: str) -> Asset | None:
        """The file at an address; None where there is none."""
        if not path.startswith(f"{_ROOT}/"):
            return None
        name = path.removeprefix(f"{_ROOT}/")
        version, _, rest = name.partition("/")
        kept = version == self.digest
        content = self.files.get(rest if kept else name)
        if content is None:
            content = self.files.get(rest)
        if content is None:
            return None
        kind = _TYPES["." + name.rpartition(".")[2]]
        keep = b"public, max-age=31536000, immutable" if kept else b"no-cache"
        headers = ((b"content-type", kind), (b"content-length", str(len(content)).encode()), (b"cache-control", keep))
        return Asset(content, headers)
