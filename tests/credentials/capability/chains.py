"""An issuer, holders, and chains made by our own hands."""

from tests.keys.randomness import Numbered

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Authority, Credential, Grant, Permission
from gatepass.credentials.capability import Capabilities, UnprovenCapability, UnverifiedCapability
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.capability.narrowing import Next
from gatepass.keys import SigningKey
from gatepass.keys.jose import PublicKey
from gatepass.keys.jose.signing import HolderKey
from gatepass.keys.keyring import Entropy

NOW = 1_780_000_000_000
ISSUER = "https://gatepass.example"
AUDIENCE = "https://gatepass.example/u/orders"
ISSUING = SigningKey(Numbered(b"issuing")(32))
ADA, BOB, EVE = (HolderKey.generate(Numbered(name)) for name in (b"ada", b"bob", b"eve"))
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
LESS = "orders:refund:order-12345?amount<=20&amount>=0&currency=USD"
READ = "reports:read:finance/*"
VERIFIER = Capabilities(ISSUER, {"k1": PublicKey.parse(dict(ISSUING.public.jwk))}, audience=AUDIENCE)


def authority(*grants: str | Grant) -> Authority:
    return Authority(tuple(each if isinstance(each, Grant) else Grant(Permission.parse(each)) for each in grants))


def credential(held: Authority | None = None, life: int = 600_000) -> Credential:
    return Credential(
        id=CredentialId("crd_0UuNB2BaZ9"),
        subject=AgentId("agt_support"),
        owner=PersonId("per_ada"),
        authority=authority(REFUND, READ) if held is None else held,
        issued=Instant(NOW),
        expires=Instant(NOW + life),
        ancestors=(CredentialId("crd_0UuNB2Ba00"),),
        run=RunId("run_0UuNB2C"),
        purpose="refund an order",
    )


def minted(held: Authority | None = None, holder: HolderKey = ADA) -> UnverifiedCapability:
    return mint(credential(held), holder.public, issuer=ISSUER, audiences=(AUDIENCE,), key=ISSUING, key_id="k1")


def then(to: HolderKey = BOB, at: int = NOW, expires: int | None = None, entropy: Entropy | None = None) -> Next:
    ends = None if expires is None else Instant(expires)
    return Next(to=to.public, at=Instant(at), entropy=entropy or Numbered(b"nonce"), expires=ends)


def verified(chain: UnverifiedCapability, at: int = NOW) -> UnprovenCapability:
    return VERIFIER.verify(UnverifiedCapability.parse(chain.text), at=Instant(at))
