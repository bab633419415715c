"""The journal."""

from typing import Final

from gatepass.access import CredentialId, DecisionId, Outcome, RunId
from gatepass.administration import Act
from gatepass.audit import Query
from gatepass.errors import NotFound
from gatepass.web.management.answers import entry, kept_head, report, shapes, story
from gatepass.web.management.calls import LINES, Answer, Call, Operation
from gatepass.web.management.forms import JournalQuery, instant_in

__all__ = ["OPERATIONS"]


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
        surface=asked.surface,
        upstream=asked.upstream,
        action=asked.action,
        resource=asked.resource,
        since=instant_in("since", asked.since),
        until=instant_in("until", asked.until),
        before=int(asked.cursor) if asked.cursor else None,
        limit=int(asked.limit) if asked.limit else 100,
    )
    page = await call.administration.overview.search(call.operator, query)
    following = None if page.next is None else str(page.next)
    return Answer(shown=shapes.Page(items=[entry(found) for found in page.entries], next=following))


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


_READING: Final = ("journal_damaged", "search_unfinished")

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/journal",
        handle=search,
        query=JournalQuery,
        acts=(Act.READ_JOURNAL,),
        answer=shapes.Page[shapes.JournalEntry],
        codes=(*_READING, "not_found"),
    ),
    Operation(
        method="GET",
        path="/journal/runs/{ref}",
        handle=run,
        acts=(Act.READ_JOURNAL,),
        answer=shapes.Story,
        codes=_READING,
    ),
    Operation(
        method="GET",
        path="/journal/verify",
        handle=verify,
        acts=(Act.READ_JOURNAL,),
        answer=shapes.Report,
        codes=_READING,
    ),
    Operation(
        method="GET",
        path="/journal/export",
        handle=export,
        acts=(Act.READ_JOURNAL,),
        answer=LINES,
        codes=_READING,
    ),
    Operation(
        method="GET",
        path="/journal/head",
        handle=head,
        acts=(Act.READ_JOURNAL,),
        answer=shapes.KeptHead,
        codes=("store_damaged",),
    ),
)
