"""What there is as the text of files: the same records give the same bytes, and reading them gives the records back.

Comments are not ours to keep: a file is written from what there is, not edited.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gatepass.administration.changes import Register
from gatepass.administration.configuration.files.present import agent_file, role_file, upstream_file
from gatepass.administration.configuration.files.shapes import AgentFile, RoleFile, Shape, UpstreamFile
from gatepass.documents import scalar

__all__ = ["SCHEMAS", "text_of", "written"]

SCHEMAS: Final = ".schemas"
"""The folder beside the files that editors find the schemas in."""

_SINGULAR: Final = {"agents": "agent", "roles": "role", "upstreams": "upstream"}


def written(register: Register, *, managed: bool) -> Mapping[str, str]:
    """Every file by its path. Agents that are disabled for good and managed by hand are history, and in none."""
    files: dict[str, str] = {}
    for agent in register.agents.values():
        if agent.managed or not (managed or agent.disabled):
            files[f"agents/{agent.name}.yaml"] = text_of("agents", agent_file(agent, register))
    for role in register.roles.values():
        if role.managed or not managed:
            files[f"roles/{role.name}.yaml"] = text_of("roles", role_file(role))
    for upstream in register.upstreams.values():
        if upstream.managed or not managed:
            files[f"upstreams/{upstream.name}.yaml"] = text_of("upstreams", upstream_file(upstream, register))
            files[f"operations/{upstream.name}.yaml"] = upstream.operations
    return dict(sorted(files.items()))


def text_of(folder: str, shape: AgentFile | RoleFile | UpstreamFile) -> str:
    """The text of one file, members in the order of its shape, those that say nothing left out."""
    first = f"# yaml-language-server: $schema=../{SCHEMAS}/{_SINGULAR[folder]}.json"
    return "\n".join((first, *_lines(shape, ""))) + "\n"


def _lines(shape: Shape, indent: str) -> Iterator[str]:
    for name, field in type(shape).model_fields.items():
        value = getattr(shape, name)
        if not field.is_required() and value == field.default:
            continue
        match value:
            case Shape():
                yield f"{indent}{name}:"
                yield from _lines(value, indent + "  ")
            case tuple():
                yield f"{indent}{name}:"
                yield from (f"{indent}  - {scalar(each)}" for each in value)
            case bool():
                yield f"{indent}{name}: {'true' if value else 'false'}"
            case int():
                yield f"{indent}{name}: {value}"
            case _:
                yield f"{indent}{name}: {scalar(str(value))}"
