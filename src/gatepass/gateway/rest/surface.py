"""The REST surface. Its part of the thirteen steps, in their order.

 1- 4  `Admission.meet`: who is asking
    5  `Reading.plan`: exactly what is asked; a refusal here is journalled like any other
 6-10  `Admission.admit`: whether, under which limits, and the intent written down
11     `Passage.inject`: live still; the secret is opened
12     `Forwarding`: out through the door, back through redaction
13     `Passage.finish`: settled and written down, whatever happened
"""

from dataclasses import dataclass, field

from gatepass.errors import Error
from gatepass.gateway.admission import Admission
from gatepass.gateway.forwarding.door import Door, Patience
from gatepass.gateway.forwarding.redaction import Redactors
from gatepass.gateway.requests import Reply, Request
from gatepass.gateway.rest.forwarding import Forwarding
from gatepass.gateway.rest.reading import Reading

__all__ = ["RestSurface"]


@dataclass(slots=True, kw_only=True)
class RestSurface:
    """Answers requests to `/u/{upstream}/…`."""

    admission: Admission
    door: Door
    redactors: Redactors = field(default_factory=Redactors)
    patience: Patience = field(default_factory=Patience)

    async def handle(self, request: Request) -> Reply:
        """The upstream's answer to a permitted request. Raises an `Error` for every other; each is journalled."""
        caller = await self.admission.meet(request, "rest")  # (1-4)
        served = caller.served
        assert served is not None  # noqa: S101  `meet` refuses an upstream that is not served
        reading = Reading(served.operations.rest, served.upstream, request)
        try:
            plan = await reading.plan(caller, self.patience)  # (5)
        except Error as error:
            refusal = error
        else:
            passage = await self.admission.admit(caller, plan.access, arguments=plan.arguments)  # (6-10)
            return await Forwarding(passage, plan.call, self.door, self.redactors).reply()  # (11-13)
        raise await self.admission.refuse(caller, refusal, action=reading.action, resource=reading.resource)
