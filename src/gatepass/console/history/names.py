"""The names behind the ids of a page: from the beginning of each list that is needed, and no more than that.

A page shows an id where there is no name to be had: of what is deleted or far down its list, or of what whoever asks
may not see. However many entries a page has, it asks four times at most, so that following the journal stays cheap.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gatepass.console.bridge import Bridge
from gatepass.errors import Denied

__all__ = ["ids_in", "names_of"]

_LISTS: Final = {"agt_": "agents", "crd_": "tokens", "per_": "people", "ups_": "upstreams"}
_MEMBERS: Final = ("actor", "agent", "credential", "owner", "person", "subject")


def ids_in(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every id that the entries name, in the order in which they come."""
    return list(dict.fromkeys(str(entry[member]) for entry in entries for member in _MEMBERS if entry.get(member)))


async def names_of(api: Bridge, ids: Iterable[str]) -> dict[str, str]:
    """The names of as many of them as the beginnings of their lists have."""
    wanted = set(ids)
    found: dict[str, str] = {}
    for kind in sorted({id_[:4] for id_ in wanted} & _LISTS.keys()):
        try:
            items, _ = await api.part(_LISTS[kind], limit="500")
        except Denied:
            continue
        found |= {str(each["id"]): str(each["name"]) for each in items if each["id"] in wanted}
    return found
