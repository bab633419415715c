"""The deployment as a whole: how it stands, how it is used, what needs attention, how it was set."""

from typing import Final

from gatepass.administration import Act
from gatepass.web.management.answers import catalogue, concern, measured, setting, shapes
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import ActivityQuery, ScopesQuery, instant_in

__all__ = ["OPERATIONS"]


async def status(call: Call) -> Answer:
    """How the deployment stands, and who asks."""
    return Answer(shown=call.shows.status(await call.administration.overview.status(call.operator)))


async def scopes(call: Call) -> Answer:
    """What there is to be permitted; by a role, only what it allows."""
    asked: ScopesQuery = call.query
    overview = call.administration.overview
    listed = await overview.catalogues(call.operator)
    within = None if asked.role is None else await overview.ceiling(call.operator, asked.role)
    return Answer(shown=shapes.Page(items=catalogue(listed, within), next=None))


async def activity(call: Call) -> Answer:
    """Permitted and refused calls over time."""
    asked: ActivityQuery = call.query
    found = await call.administration.overview.activity(
        call.operator,
        since=instant_in("since", asked.since),
        until=instant_in("until", asked.until),
        step=None if asked.step_seconds is None else int(asked.step_seconds) * 1000,
        credential=asked.credential,
        agent=asked.agent,
    )
    return Answer(shown=measured(found))


async def attention(call: Call) -> Answer:
    """What somebody should look at, the most serious first."""
    found = await call.administration.overview.attention(call.operator)
    return Answer(shown=shapes.Page(items=[concern(each) for each in found], next=None))


async def settings(call: Call) -> Answer:
    """Every setting in force, and where it was said."""
    found = await call.administration.overview.settings(call.operator)
    return Answer(shown=shapes.Page(items=[setting(each) for each in found], next=None))


OPERATIONS: Final = (
    Operation(method="GET", path="/status", handle=status, acts=(Act.READ_OWN,), answer=shapes.Status),
    Operation(
        method="GET",
        path="/activity",
        handle=activity,
        query=ActivityQuery,
        acts=(Act.READ_JOURNAL,),
        answer=shapes.Activity,
        codes=("not_found", "search_unfinished"),
    ),
    Operation(
        method="GET",
        path="/attention",
        handle=attention,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.Concern],
        codes=("search_unfinished",),
    ),
    Operation(method="GET", path="/settings", handle=settings, acts=(Act.READ,), answer=shapes.Page[shapes.Setting]),
    Operation(
        method="GET",
        path="/scopes",
        handle=scopes,
        query=ScopesQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.CatalogueType],
        codes=("not_found",),
    ),
)
