"""From the lines of an operations file to a rule: what names the resource, what carries each property."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gatepass.access import Action
from gatepass.authority import ActionSpec, Catalogue, Pattern, PropertySpec
from gatepass.documents import Node, shown
from gatepass.errors import Malformed
from gatepass.gateway.operations.rules import Ids, Naming, Nothing, Property, Ranged, Rule, Template
from gatepass.gateway.operations.sources import EACH, Shape, Source, shape_of

__all__ = ["Places", "read_rule"]

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_TEXTUAL: Final = frozenset({"path", "query"})
_SWITCHES: Final = frozenset({"_method"})
"""Names by which some frameworks let a parameter replace the method: never an argument of ours."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the arguments of one operation may stand."""

    roots: tuple[str, ...]
    variables: tuple[str, ...] = ()
    """What the path, the URI or (as `name`) the prompt gives."""
    bare: bool = False
    """Whether a variable may be named without `path.` before it."""
    loose: tuple[str, ...] = ()
    """The roots in which a free property may stand under its own name, without being mapped."""
    complete: bool = False
    """Whether every variable has to be used."""


def read_rule(
    places: Places,
    catalogue: Catalogue,
    *,
    action: Node,
    resource: Node,
    properties: Node | None,
    root: Node | None = None,
) -> Rule:
    """Compile one operation. Raises `Malformed` (`malformed_catalogue`) with the line."""
    type_, _, name = action.text(of="`action`").partition(":")
    spec = catalogue.action(type_, name)
    if spec is None:
        raise action.fault(f"an action that `types` declares, not {action.kind()}")
    naming = _read_naming(resource, root, places)
    bound = _read_properties(properties, spec, places)
    used = [*naming.sources, *(property_.source for property_ in bound)]
    _check_variables(resource, places, used)
    bound += _loose_properties(spec, places, bound, used)
    shape = _shape(resource, places, [*naming.sources, *(property_.source for property_ in bound)])
    return Rule(type_, Action(name, spec.kind), naming, tuple(bound), shape, spec.free)


def _read_properties(node: Node | None, spec: ActionSpec, places: Places) -> list[Property]:
    """The properties that the file maps. One inside another would be looked at twice, and is refused."""
    declared = {".".join(path): (path, property_) for path, property_ in spec.properties.items()}
    bound: list[Property] = []
    for key, inner in (node.members(of="`properties`") if node else {}).items():
        if key not in declared or node is None:
            raise inner.fault(f"a property that `{spec.name}` declares, and `{shown(key)}` is none")
        path, property_ = declared[key]
        if any(path[: len(other.path)] == other.path or other.path[: len(path)] == path for other in bound):
            raise node.fault("no property inside another one", key=key)
        bound.append(_property(path, property_, _read_source(inner, inner.text(of=f"`{shown(key)}`"), places)))
    return bound


def _loose_properties(
    spec: ActionSpec, places: Places, bound: Sequence[Property], used: Sequence[Source]
) -> list[Property]:
    """The free properties that the file does not map: each may stand under its own name."""
    mapped = {property_.path for property_ in bound}
    return [
        _property(path, property_, Source((root, *path)))
        for path, property_ in spec.properties.items()
        if property_.free and path not in mapped and not _SWITCHES.intersection(path)
        for root in places.loose
        if (root != "query" or len(path) == 1) and not _clashes(Source((root, *path)), used)
    ]


def _property(path: tuple[str, ...], spec: PropertySpec, source: Source) -> Property:
    return Property(path, spec.type, spec.non_negative, source, textual=source.root in _TEXTUAL)


def _read_naming(node: Node, root: Node | None, places: Places) -> Naming:
    if isinstance(node.value, dict):
        members = node.mapping(of="`resource`", optional=("pattern", "id"))
        if len(members) != 1:
            raise node.fault("either `pattern` or `id` in `resource`")
        ((key, inner),) = members.items()
        template = _read_template(inner, places)
        naming: Naming = Ranged(template) if key == "pattern" else Ids(template)
    else:
        text = node.text(of="`resource`")
        inner = node
        if text == "none":
            naming = Nothing()
        elif "{" in text:
            naming = Ids(_read_template(node, places))
        else:
            naming = Ids(Template((_read_source(node, text, places),)))
    if root is not None:
        naming = _below_root(root, naming)
    _try_out(inner, naming)
    return naming


def _read_template(node: Node, places: Places) -> Template:
    parts: list[str | Source] = []
    pieces = _PLACEHOLDER.split(node.text(of="`resource`"))
    for place, piece in enumerate(pieces):
        if place % 2:
            source = _read_source(node, piece, places)
            if source.many:
                raise node.fault(f"no list inside a longer text, and `{source}` is one")
            parts.append(source)
            continue
        if "{" in piece or "}" in piece:
            raise node.fault("`{` and `}` only around a source, for example `{path.owner}/{path.repo}`")
        if 0 < place < len(pieces) - 1 and piece[:1] not in {":", "/"}:
            raise node.fault("`:` or `/` after a source that another one follows")
        if piece:
            parts.append(piece)
    return Template(tuple(parts))


def _read_source(node: Node, text: str, places: Places) -> Source:
    if places.bare and text in places.variables:
        return Source(("path", text))
    source = Source.parse(text, places.roots)
    if source is None:
        roots = " or ".join(f"`{root}.name`" for root in places.roots)
        raise node.fault(f"a source such as {roots}, not `{shown(text)}`")
    if source.root == "path" and source.steps[1] not in places.variables:
        raise node.fault(f"a variable of `match`, and `{shown(source.steps[1])}` is none")
    if _SWITCHES.intersection(source.steps):
        raise node.fault("no source that some servers take for the method")
    return source


def _below_root(node: Node, naming: Naming) -> Ids:
    root = node.text(of="`root`")
    if not root.startswith("/") or posixpath.normpath(root) != root or root.startswith("//"):
        raise node.fault("an absolute folder for `root`, without `..`, `.` or a slash at its end")
    if not isinstance(naming, Ids) or len(naming.template.parts) != 1 or not naming.sources:
        raise node.fault("`root` only beside a `resource` that is one source")
    return Ids(naming.template, root)


def _try_out(node: Node, naming: Naming) -> None:
    """See that what the template comes to can be covered by something at all."""
    match naming:
        case Ids(template) if len(template.parts) > 1 or not template.sources:
            if Pattern.of_id(_sample(template)) is None:
                raise node.fault("text that comes to a well-formed id")
        case Ranged(template):
            try:
                Pattern.parse(_sample(template))
            except Malformed as fault:
                raise node.fault(f"a pattern, but {fault.message}") from None
        case _:
            return


def _sample(template: Template) -> str:
    return "".join(part if isinstance(part, str) else "x" for part in template.parts)


def _check_variables(node: Node, places: Places, used: Iterable[Source]) -> None:
    if places.complete:
        seen = {source.steps[1] for source in used if source.root == "path"}
        for variable in places.variables:
            if variable not in seen:
                raise node.fault(f"`{{{variable}}}` of `match` in `resource` or `properties`: nobody would look at it")


def _clashes(source: Source, used: Iterable[Source]) -> bool:
    """Whether something else already stands at or on the way to this place."""
    return any(
        other.steps[: len(source.steps)] == source.steps
        or source.steps[: len(other.steps)] == other.steps
        or other.steps[:2] == (source.root, EACH)
        for other in used
    )


def _shape(node: Node, places: Places, sources: list[Source]) -> Shape:
    shape: dict[str, Shape] = {root: {} for root in places.roots}
    shape.update(shape_of(sources))
    if not places.complete:
        # What a URI or a prompt's name gives was matched already; a resource takes no arguments.
        shape = {"arguments": {}, **shape, "path": None}
    if not _consistent(shape):
        raise node.fault("a place to be either a list or an object, not both")
    return shape


def _consistent(shape: Shape) -> bool:
    if shape is None:
        return True
    return not (EACH in shape and len(shape) > 1) and all(_consistent(below) for below in shape.values())
