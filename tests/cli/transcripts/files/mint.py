"""An issuer of a minute's standing: python mint.py PUBLIC_KEY, for transcripts that need a capability and no server."""

import sys
import time
from pathlib import Path

from gatepass.access import AgentId, CredentialId, Instant, PersonId
from gatepass.authority import Authority, Credential, Permission
from gatepass.client.holding.keys import new_key, read_public_key
from gatepass.credentials.capability.minting import mint

NOW = Instant(time.time_ns() // 1_000_000)
SCOPES = ("orders:refund:order-12345?amount<=50&amount>=0&currency=USD", "orders:read:*")
HELD = Credential(
    id=CredentialId("crd_0UuNB2BaZ9"),
    subject=AgentId("agt_support"),
    owner=PersonId("per_ada"),
    authority=Authority.of(*map(Permission.parse, SCOPES)),
    issued=NOW,
    expires=Instant(NOW + 600_000),
    purpose="ticket 17",
)
HOLDER = read_public_key(Path(sys.argv[1]).read_text())
URL = "http://127.0.0.1:8420"
sys.stdout.write(mint(HELD, HOLDER, issuer=URL, audiences=(f"{URL}/u/orders",), key=new_key(), key_id="k1").text + "\n")
