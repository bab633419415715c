"""What tokens cost beside the raw signature: access tokens, capabilities, proofs.

    python bench/tokens.py [--rounds 7] [--times 300]

Each figure is CPU time, the median of interleaved rounds, and stands beside raw ES256 of the same rounds. The ratios
travel to other machines; microseconds do not.
"""

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from gatepass.access import AgentId, CredentialId, Instant, PersonId
from gatepass.authority import Authority, Credential, Grant, Permission, SingleUse
from gatepass.credentials.access_tokens import AccessToken, AccessTokens, Confirmation
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.capability import Capabilities, UnverifiedCapability
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.capability.narrowing import Next, narrow
from gatepass.credentials.proofs import ProvenCall, verify_proof
from gatepass.credentials.proofs.making import make_proof
from gatepass.keys.jose import PublicKey
from gatepass.keys.jose.fixed import FixedJws
from gatepass.keys.jose.signing import HolderKey, sign

NOW = Instant(1_780_000_000_000)
ISSUER = "https://gatepass.example"
AUDIENCE = "https://gatepass.example/u/orders"
REFUND = Permission.parse("orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-678")

Step = Callable[[], object]


def steps() -> dict[str, tuple[Step, str]]:
    """Each step, with the raw one that it is compared to."""
    key, holder = HolderKey.generate(os.urandom), HolderKey.generate(os.urandom)
    raw = ec.generate_private_key(ec.SECP256R1())
    plain = ec.ECDSA(SHA256())
    message = b"x" * 700
    signature, public = raw.sign(message, plain), raw.public_key()
    held = Credential(
        id=CredentialId("crd_0UuNB2BaZ9"),
        subject=AgentId("agt_support"),
        owner=PersonId("per_ada"),
        authority=Authority((Grant(REFUND, (SingleUse("crd_0UuNB2BaZ9/use"),)),)),
        issued=NOW,
        expires=Instant(NOW + 60_000),
        binding=holder.public.thumbprint,
    )
    said = AccessToken(
        credential=held,
        issuer=ISSUER,
        audience=AUDIENCE,
        client=AgentId("agt_support"),
        subject=AgentId("agt_support"),
        confirmation=Confirmation(holder.public.thumbprint),
    )
    minter, tokens = Minter(key, "k1"), AccessTokens(ISSUER, {"k1": key.public}, audience=AUDIENCE)
    text = minter.mint(said)
    jws = text.split(".")[0]
    payload = said.write()
    root = mint(held, holder.public, issuer=ISSUER, audiences=(AUDIENCE,), key=key, key_id="k1")
    then = Next(to=holder.public, at=NOW, entropy=os.urandom)
    once = narrow(root, holder, then)
    chains = Capabilities(ISSUER, {"k1": key.public}, audience=AUDIENCE)
    call = ProvenCall(method="POST", url=AUDIENCE, at=NOW, credential=text, binding=holder.public.thumbprint)
    proof = make_proof(holder, method="POST", url=AUDIENCE, at=NOW, entropy=os.urandom, credential=text)

    def known(_jwk: object, **_: object) -> PublicKey:
        return holder.public

    return {
        "raw verify": (lambda: public.verify(signature, message, plain), "raw verify"),
        "raw sign": (lambda: raw.sign(message, plain), "raw sign"),
        "sign, deterministic, small s": (lambda: sign(jws, payload, key), "raw sign"),
        "access token: signature and spelling": (lambda: FixedJws(text, 9999).verified_by(key.public), "raw verify"),
        "access token: verify": (lambda: tokens.verify(text, at=NOW), "raw verify"),
        "access token: mint": (lambda: minter.mint(said), "raw sign"),
        "DPoP proof: verify": (lambda: verify_proof([proof], call), "raw verify"),
        "DPoP proof: verify, key read before": (lambda: verify_proof([proof], call, read_key=known), "raw verify"),
        "capability of one link: verify": (lambda: checked(chains, root), "raw verify"),
        "capability of two links: verify": (lambda: checked(chains, once), "raw verify"),
        "capability: narrow": (lambda: narrow(root, holder, then), "raw sign"),
    }


def checked(chains: Capabilities, presented: UnverifiedCapability) -> object:
    return chains.verify(UnverifiedCapability.parse(presented.text), at=NOW)


def timed(step: Step, times: int) -> float:
    started = time.process_time_ns()
    for _ in range(times):
        step()
    return (time.process_time_ns() - started) / times / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--times", type=int, default=300)
    asked = parser.parse_args()
    todo = steps()
    found: dict[str, list[float]] = {name: [] for name in todo}
    gc.disable()
    for _ in range(asked.rounds):
        for name, (step, _) in todo.items():
            found[name].append(timed(step, asked.times))
        gc.collect()
    print(f"{'':40} {'µs':>8} {'least':>8} {'most':>8}   against raw")
    for name, (_, beside) in todo.items():
        ratios = [one / other for one, other in zip(found[name], found[beside], strict=True)]
        spread = f"{min(found[name]):8.1f} {max(found[name]):8.1f}"
        print(f"{name:40} {statistics.median(found[name]):8.1f} {spread}   {statistics.median(ratios):.2f} x {beside}")


if __name__ == "__main__":
    main()
