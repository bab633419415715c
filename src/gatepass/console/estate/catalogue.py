"""What there is to be permitted, as pages need it."""

from collections.abc import Mapping

from gatepass.console.bridge import Bridge, Members

__all__ = ["catalogue_of", "classes_of"]


async def catalogue_of(api: Bridge) -> list[Members]:
    """Every type with its actions, as `GET /scopes` lists them."""
    items = (await api.get("scopes")).get("items")
    return [each for each in items if isinstance(each, Mapping)] if isinstance(items, tuple) else []


def classes_of(catalogue: list[Members]) -> dict[str, str]:
    """`orders:refund` to its class."""
    found: dict[str, str] = {}
    for type_ in catalogue:
        actions = type_.get("actions")
        if isinstance(actions, tuple):
            found |= {str(each["scope"]): str(each["class"]) for each in actions if isinstance(each, Mapping)}
    return found
