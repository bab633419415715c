"""Runs: one task of one agent each."""

from typing import Final

from gatepass.administration import Act, RunForm
from gatepass.web.management.answers import run_shown, shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import Reason
from gatepass.web.management.handlers.pages import page_of
from gatepass.web.management.handlers.runs.forms import RunCreation, RunQuery

__all__ = ["OPERATIONS"]


async def list_runs(call: Call) -> Answer:
    """All runs, or those of one's own agents."""
    query: RunQuery = call.query
    register, now = call.administration.desk.register, call.administration.desk.clock()
    runs = await call.administration.overview.runs(call.operator, query.agent)
    if query.state != "all":
        runs = [run for run in runs if register.has_ended(run.id, now) is (query.state == "ended")]
    return page_of(runs, query, lambda run: run.id, lambda run: run_shown(run, register, now))


async def open_run(call: Call) -> Answer:
    """Open a run for an agent."""
    form: RunCreation = call.form
    seconds = form.lifetime_seconds
    asked = RunForm(
        label=form.label,
        purpose=form.purpose,
        lifetime=None if seconds is None else seconds * 1000,
        limits=form.limits.limits(),
    )
    run = await call.administration.runs.open(call.operator, form.agent, asked)
    return Answer(201, _shown(call, run.id), location=f"/runs/{run.id}")


async def get_run(call: Call) -> Answer:
    """One run."""
    run = await call.administration.overview.run(call.operator, call.ref)
    return Answer(shown=_shown(call, run.id))


async def end_run(call: Call) -> Answer:
    """End a run: everything that it holds falls, for good."""
    form: Reason = call.form
    run = await call.administration.runs.end(call.operator, call.ref, form.reason or "")
    return Answer(shown=_shown(call, run.id))


def _shown(call: Call, id_: str) -> shapes.Run:
    desk = call.administration.desk
    return run_shown(desk.register.run(id_), desk.register, desk.clock())


def _current(call: Call) -> shapes.Run:
    return _shown(call, call.ref)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/runs",
        handle=list_runs,
        query=RunQuery,
        acts=(Act.READ_OWN,),
        answer=shapes.Page[shapes.Run],
        codes=("not_found",),
    ),
    Operation(
        method="POST",
        path="/runs",
        handle=open_run,
        body=RunCreation,
        acts=(Act.OPEN_RUN,),
        status=201,
        answer=shapes.Run,
        once=True,
        codes=("conflict", "not_found", "too_long"),
    ),
    Operation(method="GET", path="/runs/{ref}", handle=get_run, acts=(Act.READ_OWN,), answer=shapes.Run),
    Operation(
        method="POST",
        path="/runs/{ref}/end",
        handle=end_run,
        body=Reason,
        optional=True,
        acts=(Act.END_RUN,),
        answer=shapes.Run,
        current=_current,
    ),
)
