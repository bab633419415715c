"""What an API that accepts passes imports: verified by public keys, and honest about what those cannot tell."""

from gatepass.client.accepting.accepted import Accepted
from gatepass.client.accepting.asking import Introspection
from gatepass.client.accepting.keys import IssuerKeys
from gatepass.client.accepting.presenting import Presented
from gatepass.client.accepting.uses import Uses, UsesInMemory
from gatepass.client.accepting.verifier import Asks, Verifier

__all__ = ["Accepted", "Asks", "Introspection", "IssuerKeys", "Presented", "Uses", "UsesInMemory", "Verifier"]
