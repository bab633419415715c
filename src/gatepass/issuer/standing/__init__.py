"""Whether a token stands: who may ask about it, who may take it away, and the lists that say it to everybody."""

from gatepass.issuer.standing.introspection import introspect
from gatepass.issuer.standing.lists import LIFE, TTL, StatusLists
from gatepass.issuer.standing.lookup import Known, Standing, find
from gatepass.issuer.standing.revoking import Taking

__all__ = ["LIFE", "TTL", "Known", "Standing", "StatusLists", "Taking", "find", "introspect"]
