"""The console's templates without a server: the environment as the shell makes it, and pages served from memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

import gatepass.console
from gatepass.console.rendering import Rendering

ROOM = Path(gatepass.console.__file__).parent
STATIC = ROOM / "static"
TEMPLATES = ROOM / "templates"
HERE = Path(__file__).parent
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def environment() -> Environment:
    made = Rendering(TEMPLATES, {})._environment
    made.loader = FileSystemLoader([TEMPLATES, HERE])
    return made


def render(source: str, **values: Any) -> str:
    """A scrap of a template, with the macros at hand."""
    begin = '{% import "parts/ui.html" as ui %}{% import "parts/plot.html" as plot %}'
    return environment().from_string(begin + source).render(**values)


@contextmanager
def served(pages: dict[str, str]) -> Iterator[str]:
    """The origin at which `pages` (path to HTML) and our assets are served under the console's policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path in pages:
                self._answer(200, "text/html; charset=utf-8", pages[path].encode())
                return
            file = STATIC / path.removeprefix("/console/static/")
            if path.startswith("/console/static/") and file.is_file():
                self._answer(200, KINDS[file.suffix], file.read_bytes())
            else:
                self._answer(404, "text/plain", b"nothing here")

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", CSP)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)
