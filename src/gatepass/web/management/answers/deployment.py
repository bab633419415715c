"""What is shown of the deployment as a whole: what it offers, how it is used, what needs attention, how it was set."""

from collections.abc import Sequence
from typing import cast

from gatepass.administration import Concern, Measured, SettingFact
from gatepass.authority import Authority, Catalogue
from gatepass.registry import Upstream
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.words import instant

__all__ = ["catalogue", "concern", "measured", "setting"]


def catalogue(
    listed: Sequence[tuple[Upstream, Catalogue]], within: Authority | None = None
) -> list[shapes.CatalogueType]:
    """What there is to be permitted: a row for each type, with what its scopes are made of.

    `within`: only what that allows, in its own words; an action that it allows in two ways stands twice.
    """
    allowed: dict[tuple[str, str], list[str]] = {}
    for grant in within.grants if within is not None else ():
        permission = grant.permission
        allowed.setdefault((permission.type, permission.action), []).append(str(permission))
    shown = [
        shapes.CatalogueType(
            upstream=upstream.name,
            type=spec.name,
            minimum=spec.minimum,
            actions=[
                shapes.ActionShown(
                    name=action.name,
                    class_=action.kind,
                    scope=scope,
                    properties=[
                        shapes.PropertyShown(
                            name=".".join(path),
                            type=declared.type,
                            free=declared.free,
                            non_negative=declared.non_negative,
                        )
                        for path, declared in action.properties.items()
                    ],
                )
                for action in spec.actions.values()
                for scope in _scopes(spec.name, action.name, None if within is None else allowed)
            ],
            shorthands={name: [str(scope) for scope in scopes] for name, scopes in spec.shorthands.items()},
        )
        for upstream, declared_by in listed
        for spec in declared_by.types.values()
    ]
    return [each for each in shown if each.actions or within is None]


def _scopes(type_: str, action: str, allowed: dict[tuple[str, str], list[str]] | None) -> list[str]:
    return [f"{type_}:{action}"] if allowed is None else allowed.get((type_, action), [])


def measured(found: Measured) -> shapes.Activity:
    """Counts over time, every step of the span."""
    return shapes.Activity(
        items=[
            shapes.Count(at=instant(count.at), permitted=count.permitted, refused=count.refused)
            for count in found.counts
        ],
        next=None,
        since=instant(found.since),
        until=instant(found.until),
        step_seconds=found.step // 1000,
        whole_since=instant(found.whole_since),
    )


def concern(found: Concern) -> shapes.Concern:
    """Something that somebody should look at."""
    subject = found.subject
    return shapes.Concern(
        kind=found.kind,
        severity=found.severity,
        subject=shapes.Subject(type=subject.type, id=subject.id, name=subject.name),
        says=found.says,
        hint=found.hint,
    )


def setting(fact: SettingFact) -> shapes.Setting:
    """A setting in force, and where it was said."""
    return shapes.Setting(
        name=fact.name,
        value=fact.value,
        default=fact.default,
        says=fact.says,
        origin=cast("shapes.SettingOrigin", fact.origin),
        where=fact.where,
    )
