"""What people manage, over the management API: one method a request, shapes as the API has them.

Answers are exact JSON, as they came. Lists are read to their end, which is bounded. Names and ids are
interchangeable wherever the API takes either. Spans of time are whole milliseconds here and whole seconds on
the wire.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Final, Literal, TypeAlias
from uuid import uuid4

from gatepass.access import Json
from gatepass.client.transport import Transport, segment
from gatepass.errors import Conflict, UpstreamFailed

__all__ = ["Answer", "Management"]

Answer: TypeAlias = Mapping[str, Json]

_API: Final = "/api/v1"
_AGAIN: Final = "Look at how it is now, then decide again."
_MOST_PAGES: Final = 1_000
_CREATING: Final = frozenset({"rotate", "code"})


class Management:
    """The management API of one server, as whoever the transport's token names."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._transport.url

    # -- who is asking

    def sign_in(self, said: Mapping[str, str]) -> Answer:
        """Spend a `code`, or a `name` and a `password`, for a session: `token`, `expires_at`, `person`."""
        return self._change("POST", "session", body=said)

    def sign_out(self) -> None:
        """End the session that asks."""
        self._change("DELETE", "session")

    def set_password(self, password: str) -> None:
        """Set the password of whoever asks, in a fresh session."""
        self._change("POST", "session", "password", body={"password": password})

    def status(self) -> Answer:
        """The deployment, its custody, and who asks."""
        return self._read("status")

    # -- what there is

    def listed(self, *path: str) -> tuple[Answer, ...]:
        """A whole list: `people`, `agents`, `roles`, `upstreams`, `secrets`, `tokens`, `runs`, `scopes`."""
        found: list[Answer] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            items, following = self._page(*path, cursor=cursor)
            found += items
            if following is None:
                return tuple(found)
            if following == cursor:
                break
            cursor = following
        raise UpstreamFailed("server_garbled", f"the list at `/{'/'.join(path)}` does not end")

    def one(self, *path: str) -> Answer:
        """One thing by its id or name: `agents`, `upstreams`, `tokens`."""
        return self._read(*path)

    def seen(self, *path: str) -> tuple[Answer, str | None]:
        """One thing, and the tag of the state that was seen: what `replace` and `amend` take as `seen`."""
        shown, tag = self._transport.look(_path(path))
        return _mapping(shown, path), tag

    def create(self, kind: str, said: Answer) -> Answer:
        """Make a person, an agent, an upstream, a secret or a token. For a token, the answer shows its text, once.

        After a connection that broke it is asked for once more, under the same key: the server makes one.
        """
        return self._change("POST", kind, body=said, once=True)

    def replace(self, kind: str, name: str, said: Answer, *, seen: str | None = None) -> Answer:
        """Put a role, an upstream, or a secret's value in the place of what is there; of what was `seen`, if named.

        Raises `Conflict` (`precondition_failed`) where that was changed since.
        """
        return self._change("PUT", kind, name, body=said, seen=seen)

    def establish(self, kind: str, name: str, said: Answer) -> Answer:
        """Put a role where none is. Raises `Conflict` (`precondition_failed`) where there is one by now."""
        return self._change("PUT", kind, name, body=said, anew=True)

    def amend(self, kind: str, name: str, said: Answer, *, seen: str | None = None) -> Answer:
        """Change an agent's role, a token's limits, a person's operator role; of what was `seen`, if named."""
        return self._change("PATCH", kind, name, body=said, seen=seen)

    def revise(self, method: Literal["PUT", "PATCH"], kind: str, name: str, said: Answer) -> Answer:
        """Change what there is now, whatever it is, unless somebody else changes it between the look and the change."""
        tag = self.seen(kind, name)[1]
        try:
            return self._change(method, kind, name, body=said, seen=tag)
        except Conflict as error:
            if error.code != "precondition_failed":
                raise
            raise Conflict(
                error.code, f"somebody else changed `{name}` meanwhile; nothing was done", hint=_AGAIN
            ) from None

    def act(self, kind: str, name: str, verb: str, said: Answer | None = None) -> Answer:
        """Do something with one thing: `disable`, `enable`, `rotate`, `revoke`, `code`. What creates is done once."""
        return self._change("POST", kind, name, verb, body=said, once=verb in _CREATING)

    def remove(self, kind: str, name: str) -> None:
        """Delete a role, an upstream or a secret."""
        self._change("DELETE", kind, name)

    def explain(self, token: str, attempt: Answer) -> Answer:
        """What would happen to an attempt of a token, and why, without making it."""
        answer = self._change("POST", "tokens", token, "explain", body={"attempt": attempt})
        return _mapping(answer.get("explanation"), ("tokens", token, "explain"))

    def blast_radius(self, token: str) -> Answer:
        """Everything that a token can reach, how much, and until when."""
        return self._read("tokens", token, "blast-radius")

    def rewrap(self, *, new_key: bool = False) -> Answer:
        """Wrap the data keys of all secrets under the current key-encryption key, or a new one."""
        return self._change("POST", "secrets", "rewrap", body={"new_key": new_key})

    def rotate_signing_key(self) -> Answer:
        """Let the issuer's next key sign from now on."""
        return self._change("POST", "signing-keys", "rotate")

    # -- all of it, as files

    def plan_configuration(self, files: Mapping[str, str], missing: str) -> Answer:
        """What applying these files, by path, would do: `fingerprint`, `changes`, `faults`, `notices`, `widens`."""
        return self._change("POST", "configuration", "plan", body={"files": _files(files), "missing": missing})

    def apply_configuration(self, files: Mapping[str, str], missing: str, fingerprint: str) -> Answer:
        """Do all of the plan that has this fingerprint, or nothing."""
        body: Answer = {"files": _files(files), "missing": missing, "fingerprint": fingerprint}
        return self._change("POST", "configuration", body=body)

    def export_configuration(self, *, managed: bool = False) -> Mapping[str, str]:
        """What there is, as files by path; with `managed` only what files manage."""
        listed = self._read("configuration", managed="true" if managed else None).get("files")
        found: dict[str, str] = {}
        for file in listed if isinstance(listed, tuple) else (None,):
            path = file.get("path") if isinstance(file, Mapping) else None
            text = file.get("text") if isinstance(file, Mapping) else None
            if not isinstance(path, str) or not isinstance(text, str):
                raise _shape(("configuration",))
            found[path] = text
        return found

    # -- taking it away

    def withdraw(self, scope: str, identifier: str | None = None, reason: str | None = None) -> Answer:
        """Revoke a `token`, or everything of an `agent`, of a `person`, or `everything`."""
        return self._change("POST", "revocations", body={"scope": scope, "id": identifier, "reason": reason})

    def report_leaked(self, token: str) -> Answer:
        """Revoke a token that was found somewhere, by showing all of it."""
        return self._change("POST", "leaked", body={"token": token})

    # -- the journal

    def journal(self, **filters: str | None) -> tuple[tuple[Answer, ...], str | None]:
        """One page of entries, and the cursor of the next."""
        return self._page("journal", **filters)

    def run(self, run: str) -> Answer:
        """What happened in one run, issuance and calls joined."""
        return self._read("journal", "runs", run)

    def head(self) -> Answer:
        """Where the journal stands, to be kept outside."""
        return self._read("journal", "head")

    def verify(self) -> Answer:
        """Let the server check its whole journal."""
        return self._read("journal", "verify")

    def export(self, **filters: str | None) -> AbstractContextManager[Iterator[bytes]]:
        """Every entry as stored, a line each, in order."""
        said = {name: value for name, value in filters.items() if value is not None}
        return self._transport.lines(_path(("journal", "export")), query=said)

    # -- how

    def _read(self, *path: str, **query: str | None) -> Answer:
        said = {name: value for name, value in query.items() if value is not None}
        return _mapping(self._transport.ask("GET", _path(path), query=said), path)

    def _page(self, *path: str, **query: str | None) -> tuple[tuple[Answer, ...], str | None]:
        answer = self._read(*path, **query)
        items, following = answer.get("items"), answer.get("next")
        if not isinstance(items, tuple) or not isinstance(following, str | None):
            raise _shape(path)
        return tuple(_mapping(item, path) for item in items), following

    def _change(
        self,
        method: str,
        *path: str,
        body: Answer | None = None,
        once: bool = False,
        seen: str | None = None,
        anew: bool = False,
    ) -> Answer:
        """Members of `body` that are None are not said."""
        said = None if body is None else {name: value for name, value in body.items() if value is not None}
        key = str(uuid4()) if once else None
        answer = self._transport.ask(method, _path(path), body=said, key=key, seen=seen, anew=anew)
        return {} if answer is None else _mapping(answer, path)


def _files(files: Mapping[str, str]) -> Json:
    return tuple({"path": path, "text": text} for path, text in files.items())


def _path(path: tuple[str, ...]) -> str:
    return "/".join((_API, *map(segment, path)))


def _mapping(value: Json, path: tuple[str, ...]) -> Answer:
    if not isinstance(value, Mapping):
        raise _shape(path)
    return value


def _shape(path: tuple[str, ...]) -> UpstreamFailed:
    return UpstreamFailed("server_garbled", f"the server answered `/{'/'.join(path)}` in another shape")
