"""The console as one ASGI application: every request goes through the same steps, in this order.

    1 files     style and scripts, for anybody
    2 route     the table of addresses; nothing is decoded or guessed
    3 session   the cookie, if there is one; nothing is believed of it, the API looks
    4 origin    a change has to come from a page of ours
    5 form      bounded, one encoding
    6 token     a change has to come from a form of this session
    7 page      which asks the API; who is not known is asked to sign in and loses nothing of what they typed
    8 answer    rendered, with the headers that keep it in its place

Only POST changes anything.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepass import exact
from gatepass.access import Instant
from gatepass.console import guarding, session
from gatepass.console.asking import Answer, Asking, Data, Page, Redirect, Row, instant_text
from gatepass.console.assets import Asset, Assets
from gatepass.console.bridge import Bridge, Members
from gatepass.console.forms import read_form, read_query
from gatepass.console.pages.entry import Again, sign_in_page
from gatepass.console.pages.notices import announced, sealed_notice
from gatepass.console.pages.routes import NAVIGATION, ROUTES
from gatepass.console.rendering import Rendering
from gatepass.console.showing import THEMES, theme_of
from gatepass.errors import Error, NotFound, Unauthenticated
from gatepass.gateway.requests import Headers
from gatepass.web.app import note_fault
from gatepass.web.exchange import Exchange, Gone, source_of
from gatepass.web.problems import status_of

__all__ = ["Console"]

FOLDER: Final = Path(__file__).parent
HOME: Final = "/console"
FAULT: Final = "something went wrong here, and nothing more can be said"
_KEY_SPENT: Final = 422
"""Something else was created with the key of the form."""


class Console:
    """The pages of one deployment, over its management API."""

    def __init__(self, *, api: ASGIApp, host: str, agents: str, clock: Callable[[], Instant]) -> None:
        self._api = api
        self._host = host
        self._agents = agents
        self._clock = clock
        self._assets = Assets.read(FOLDER / "static")
        self._rendering = Rendering(
            FOLDER / "templates", {"static_root": self._assets.root, "navigation": NAVIGATION, "themes": THEMES}
        )
        self._rows = tuple(Row.of(route) for route in ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        exchange = Exchange(scope, receive, send)
        path = scope["raw_path"].decode("ascii", "replace")
        path = HOME if path == f"{HOME}/" else path
        asset = self._assets.find(path)  # (1)
        if asset is not None and scope["method"] in {"GET", "HEAD"}:
            await self._serve_file(exchange, asset)
            return
        asking = self._asking(scope, path)
        try:
            await self._serve(exchange, asking, receive)
        except (Error, Gone):
            raise
        except Exception as fault:  # any page's code: it is told as a page, and its text to nobody
            note_fault(fault)
            if exchange.started:
                raise
            quiet = replace(asking, api=replace(asking.api, token=None))  # told on a page that asks the API nothing
            await self._send(exchange, quiet, self._failed(quiet, Error("internal", FAULT)))

    async def _serve(self, exchange: Exchange, asking: Asking, receive: Receive) -> None:
        try:
            answer = await self._answered(asking, exchange.scope, receive)
        except Error as error:
            answer = self._failed(asking, error)
        if isinstance(answer, Again):
            asking, answer = await self._repeated(asking, answer)
        await self._send(exchange, asking, answer)  # (8)

    def _asking(self, scope: Scope, path: str) -> Asking:
        headers = tuple(scope["headers"])
        token = session.find(headers)  # (3)
        source = source_of(scope)
        return Asking(
            method="GET" if scope["method"] == "HEAD" else scope["method"],
            path=path,
            api=Bridge(api=self._api, host=self._host, client=(source, 0) if source else None, token=token),
            now=self._clock(),
            agents_url=self._agents_url(headers),
            headers=headers,
            partial=any(name == b"hx-request" for name, _ in headers),
        )

    def _agents_url(self, headers: Headers) -> str:
        """The host name of agents, at the port and by the scheme that this person uses."""
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
        port = host.rpartition(":")[2]
        secure = any(name == b"origin" and value.startswith(b"https:") for name, value in headers)
        scheme = "https" if secure else "http"
        return f"{scheme}://{self._agents}" + (f":{port}" if port.isdigit() else "")

    async def _answered(self, asking: Asking, scope: Scope, receive: Receive) -> "Answer | Again":
        row = self._routed(asking)  # (2)
        asking.query = read_query(scope["query_string"])
        if asking.method == "POST":
            guarding.check_origin(asking.headers)  # (4)
            asking.form = await read_form(asking.headers, receive)  # (5)
            if asking.api.token is not None and not row.route.stranger:
                guarding.check_token(asking.api.token, asking.form.one("csrf"))  # (6)
        return await self._paged(row, asking)

    async def _paged(self, row: Row, asking: Asking) -> "Answer | Again":
        """Ask the page function; who has to sign in first is asked to."""
        if not row.route.stranger and not asking.signed_in:
            return await sign_in_page(asking, Unauthenticated("credential_missing", "nobody is signed in"))
        try:
            return await row.route.page(asking)  # (7)
        except Unauthenticated as error:
            if row.route.stranger:
                raise
            return await sign_in_page(asking, error)

    async def _repeated(self, asking: Asking, again: Again) -> tuple[Asking, Answer]:
        """Do what was asked before the person had to sign in, as who they are now."""
        then = replace(
            asking, path=again.path, form=again.form, api=replace(asking.api, token=again.token), _status=None, refs=()
        )
        try:
            answer = await self._paged(self._routed(then), then)
        except Error as error:
            answer = self._failed(then, error)
        if isinstance(answer, Again):
            return then, self._failed(then, NotFound("not_found", "there is no page at this address"))
        return then, replace(answer, headers=(*answer.headers, *again.headers))

    def _routed(self, asking: Asking) -> Row:
        allowed = []
        for row in self._rows:
            found = row.pattern.fullmatch(asking.path)
            if found and row.route.method == asking.method:
                asking.refs = found.groups()
                return row
            if found:
                allowed.append(row.route.method)
        if allowed:
            said = f"this address has {', '.join(dict.fromkeys(allowed))}"
            raise NotFound("method_not_allowed", said, hint="Open the page, and use the form that stands there.")
        raise NotFound("not_found", "there is no page at this address", hint="Follow the navigation to what there is.")

    def _failed(self, asking: Asking, error: Error) -> Answer:
        status = status_of(error)
        if asking.partial:
            refresh: Headers = ((b"hx-refresh", b"true"),) if isinstance(error, Unauthenticated) else ()
            return Data(value={"code": error.code, "detail": error.message}, status=status, headers=refresh)
        return Page(template="error.html", values={"error": error, "status": status}, status=status)

    async def _send(self, exchange: Exchange, asking: Asking, answer: Answer) -> None:
        headers: list[tuple[bytes, bytes]] = [*guarding.PAGE, *answer.headers]
        body = b""
        status = 303
        if isinstance(answer, Redirect):
            headers.append((b"location", sealed_notice(answer, asking).encode("ascii", "replace")))
        elif isinstance(answer, Data):
            status, body = answer.status, exact.write(answer.value)  # type: ignore[arg-type]  # what the API answered
            headers.append((b"content-type", b"application/json"))
        else:
            status, body = answer.status, await self._rendered(asking, answer)
            headers.append((b"content-type", b"text/html; charset=utf-8"))
        headers.append((b"content-length", str(len(body)).encode()))
        head = exchange.scope["method"] == "HEAD"
        await exchange.deliver(status, tuple(headers), _once(b"" if head else body))

    async def _rendered(self, asking: Asking, page: Page) -> bytes:
        me = await self._me(asking)
        token = asking.api.token
        fixed = {
            "me": me,
            "may": _allowed(me),
            "key": _key(asking, page),
            "csrf": "" if token is None else guarding.form_token(token),
            "notice": announced(asking, _allowed(me)),
            "path": asking.path,
            "now": instant_text(asking.now),
            "theme": theme_of(asking.headers),
        }
        return self._rendering.page(page.template, {**fixed, **page.values})

    async def _me(self, asking: Asking) -> Members | None:
        """Who is signed in, for the frame of the page; None where that cannot be said."""
        if not asking.signed_in or asking.partial:
            return None
        try:
            return await asking.status()
        except Error:
            return None

    async def _serve_file(self, exchange: Exchange, asset: Asset) -> None:
        body = b"" if exchange.scope["method"] == "HEAD" else asset.content
        await exchange.deliver(200, (*guarding.STATIC, *asset.headers), _once(body))


def _allowed(me: Members | None) -> frozenset[str]:
    """What the person may do, in the API's own words: pages offer nothing else."""
    may = None if me is None else me.get("may")
    return frozenset(map(str, may)) if isinstance(may, tuple) else frozenset()


def _key(asking: Asking, page: Page) -> str:
    """What the forms of a page create with, so that a double click or a reload creates once.

    A form that comes back keeps its key, since the first try may be under way; a key that something else was created
    with is of no use any more.
    """
    sent = "" if page.status == _KEY_SPENT else asking.form.one("key")
    return sent or secrets.token_hex(16)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
