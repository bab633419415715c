"""The deployment, its catalogue, and its journal."""

from typing import Final

from gatepass.access import CredentialId, DecisionId, Instant, Outcome, RunId
from gatepass.audit import Query
from gatepass.errors import Malformed, NotFound
from gatepass.web.management.answers import catalogue, entry, instant_of, kept_head, report, story
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import JournalQuery

__all__ = ["OPERATIONS"]


async def status(call: Call) -> Answer:
    """How the deployment stands, and who asks."""
    return Answer(shown=call.shows.status(await call.administration.overview.status(call.operator)))


async def scopes(call: Call) -> Answer:
    """What there is to be permitted."""
    listed = await call.administration.overview.catalogues(call.operator)
    return Answer(shown={"items": catalogue(listed), "next": None})


async def search(call: Call) -> Answer:
    """A page of the journal, newest first."""
    asked: JournalQuery = call.query
    query = Query(
        credential=CredentialId(asked.credential) if asked.credential else None,
        agent=asked.agent,
        run=RunId(asked.run) if asked.run else None,
        decision=DecisionId(asked.decision) if asked.decision else None,
        event=asked.event,
        outcome=Outcome(asked.outcome) if asked.outcome else None,
        since=_instant("since", asked.since),
        until=_instant("until", asked.until),
        before=int(asked.cursor) if asked.cursor else None,
        limit=int(asked.limit) if asked.limit else 100,
    )
    page = await call.administration.overview.search(call.operator, query)
    following = None if page.next is None else str(page.next)
    return Answer(shown={"items": [entry(found) for found in page.entries], "next": following})


async def run(call: Call) -> Answer:
    """One run's story, or one token's."""
    if not call.ref.startswith(("run_", "crd_")):
        raise NotFound("not_found", "a story is of a run (run_...) or of a token (crd_...)")
    of = RunId(call.ref) if call.ref.startswith("run_") else CredentialId(call.ref)
    return Answer(shown=story(await call.administration.overview.story(call.operator, of)))


async def verify(call: Call) -> Answer:
    """Check the whole journal."""
    return Answer(shown=report(await call.administration.overview.verify(call.operator)))


async def export(call: Call) -> Answer:
    """Every entry as it is stored, a line each."""
    return Answer(lines=await call.administration.overview.export(call.operator))


async def head(call: Call) -> Answer:
    """Where the journal stands, to be kept elsewhere."""
    where = await call.administration.overview.head(call.operator)
    return Answer(shown=kept_head(where, call.administration.desk.clock()))


def _instant(name: str, text: str | None) -> Instant | None:
    if text is None:
        return None
    at = instant_of(text)
    if at is None:
        raise Malformed("malformed_request", f"`{name}`: expected an instant such as 2026-11-22T14:00:00Z")
    return at


OPERATIONS: Final = (
    Operation(method="GET", path="/status", handle=status),
    Operation(method="GET", path="/scopes", handle=scopes),
    Operation(method="GET", path="/journal", handle=search, query=JournalQuery),
    Operation(method="GET", path="/journal/runs/{ref}", handle=run),
    Operation(method="GET", path="/journal/verify", handle=verify),
    Operation(method="GET", path="/journal/export", handle=export),
    Operation(method="GET", path="/journal/head", handle=head),
)
