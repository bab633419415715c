"""The names behind the ids of a page: asked for one by one, each once, and only so many.

A page shows an id where there is no name to be had: of what is deleted, or of what whoever asks may not see.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gatepass.console.bridge import Bridge
from gatepass.errors import Denied, NotFound

__all__ = ["ids_in", "names_of"]

MOST: Final = 60
_KINDS: Final = {"agt_": "agents", "crd_": "tokens", "per_": "people", "ups_": "upstreams"}
_MEMBERS: Final = ("actor", "agent", "credential", "owner", "person", "subject")


def ids_in(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every id that the entries name, in the order in which they come."""
    return list(dict.fromkeys(str(entry[member]) for entry in entries for member in _MEMBERS if entry.get(member)))


async def names_of(api: Bridge, ids: Iterable[str]) -> dict[str, str]:
    """The names of as many of them as a page asks for."""
    found: dict[str, str] = {}
    for id_ in list(ids)[:MOST]:
        kind = _KINDS.get(id_[:4])
        if kind is None:
            continue
        try:
            found[id_] = str((await api.get(kind, id_)).get("name") or id_)
        except (NotFound, Denied):
            continue
    return found
