"""A folder of files as configuration: planned, applied whole or not at all, and written back."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from gatepass.access import ActionClass
from gatepass.administration import Act
from gatepass.administration.configuration import Change, Missing, Plan, Source
from gatepass.administration.operators import RULES
from gatepass.web.management.answers import shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.reading import Form

__all__ = ["OPERATIONS"]

LARGEST_FOLDER: Final = 4 << 20
"""Bytes of a request with a whole folder."""
MOST_FILES: Final = 2_000
LARGEST_FILE: Final = 256 * 1024


class FileSaid(Form):
    """One file."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    text: Annotated[str, StringConstraints(max_length=LARGEST_FILE)]


class FolderForm(Form):
    """A whole folder, and what becomes of what is managed by files and in none of these."""

    files: Annotated[tuple[FileSaid, ...], Field(max_length=MOST_FILES)]
    missing: Literal["leave", "remove", "release"] = "leave"

    def sources(self) -> list[Source]:
        """The same for administration."""
        return [Source(file.path, file.text) for file in self.files]


class FolderApplication(FolderForm):
    """The same, and which plan somebody saw."""

    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ExportQuery(Form):
    """Whether only what is managed by files is wanted."""

    managed: Literal["true", "false"] | None = None


async def plan_configuration(call: Call) -> Answer:
    """What applying a folder would do, and what is wrong with it."""
    form: FolderForm = call.form
    configuration = call.administration.configuration
    return Answer(shown=_plan(await configuration.plan(call.operator, form.sources(), Missing(form.missing))))


async def apply_configuration(call: Call) -> Answer:
    """Do all of the plan that was seen, or nothing."""
    form: FolderApplication = call.form
    configuration = call.administration.configuration
    done = await configuration.apply(call.operator, form.sources(), form.fingerprint, Missing(form.missing))
    return Answer(shown=_plan(done))


async def export_configuration(call: Call) -> Answer:
    """What there is, as files."""
    query: ExportQuery = call.query
    files = await call.administration.configuration.export(call.operator, managed=query.managed == "true")
    shown = [shapes.ConfigurationFile(path=path, text=text) for path, text in files.items()]
    return Answer(shown=shapes.Configuration(files=shown))


def _plan(plan: Plan) -> shapes.PlanShown:
    return shapes.PlanShown(
        fingerprint=plan.fingerprint,
        changes=list(map(_change, plan.changes)),
        faults=[
            shapes.FileFault(file=fault.file or None, line=fault.line or None, says=fault.says) for fault in plan.faults
        ],
        notices=list(plan.notices),
        widens=plan.widens,
        acts=[act.value for act in plan.acts],
    )


def _change(change: Change) -> shapes.PlannedChange:
    return shapes.PlannedChange(
        kind=change.kind.value,
        name=change.name,
        step=change.step.value,
        members=[
            shapes.PlannedMember(name=member.name, before=_value(member.before), after=_value(member.after))
            for member in change.members
        ],
        widens=any(RULES[act].kind is ActionClass.ADMIN for act in change.acts),
        says=change.says or None,
    )


def _value(value: str | int | bool | tuple[str, ...] | None) -> str | int | bool | list[str] | None:  # noqa: FBT001  a value of a file
    return list(value) if isinstance(value, tuple) else value


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/configuration",
        handle=export_configuration,
        query=ExportQuery,
        acts=(Act.READ,),
        answer=shapes.Configuration,
    ),
    Operation(
        method="POST",
        path="/configuration",
        handle=apply_configuration,
        body=FolderApplication,
        largest=LARGEST_FOLDER,
        acts=(Act.APPLY_CONFIGURATION, Act.WIDEN_ROLE),
        answer=shapes.PlanShown,
        codes=("malformed_configuration", "configuration_changed", "too_large"),
    ),
    Operation(
        method="POST",
        path="/configuration/plan",
        handle=plan_configuration,
        body=FolderForm,
        largest=LARGEST_FOLDER,
        acts=(Act.READ,),
        answer=shapes.PlanShown,
    ),
)
