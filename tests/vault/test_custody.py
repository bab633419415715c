"""Custody opens a secret for the upstream and the origin that it was sealed for, and for nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.errors import Malformed, Unavailable
from gatepass.keys import Keyring, LiveKeyring, SealedSecret, Sealer, origin_of
from gatepass.registry import Upstream, UpstreamKind
from gatepass.vault import Custody

AT = Instant(1_763_820_000_000)
PLAINTEXT = b"sk_live_0123456789"
ORDERS = Upstream(
    id=UpstreamId("ups_1"), name="orders", kind=UpstreamKind.REST, target="https://api.orders.example/v1", operations=""
)
GIT = replace(ORDERS, id=UpstreamId("ups_2"), name="git", kind=UpstreamKind.MCP_STDIO, target='["git-server","/srv"]')


class Holder:
    """What the wiring holds: one live keyring, for what seals and for what opens."""

    def __init__(self) -> None:
        self.live = LiveKeyring(Keyring.create(AT, Numbered(b"custody")), lambda _: None)
        self.custody = Custody(self.live)
        self.sealer = Sealer(self.live, Numbered(b"sealer"))

    def seal(self, upstream: Upstream = ORDERS) -> SealedSecret:
        return self.sealer.seal(
            PLAINTEXT,
            id=SecretId("sec_1"),
            name="key",
            upstream=upstream.id,
            origin=origin_of(upstream),
            version=1,
            at=AT,
        )


@pytest.mark.parametrize("upstream", [ORDERS, GIT], ids=["rest", "stdio"])
def test_a_secret_opens_for_its_upstream_and_says_for_where(upstream: Upstream) -> None:
    holder = Holder()
    sealed = holder.seal(upstream)
    secret = holder.custody.open(sealed, upstream)
    assert secret.expose_to(bytes) == PLAINTEXT
    assert secret.origin == sealed.origin


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/v1",
        "http://api.orders.example/v1",
        "http://api.orders.example:443/v1",
        "https://api.orders.example:8443/v1",
        "https://api.orders.example.evil.example/v1",
        "https://orders.example/v1",
        "https://xapi.orders.example/v1",
    ],
)
def test_an_upstream_pointed_elsewhere_gets_nothing(target: str) -> None:
    holder = Holder()
    with pytest.raises(Unavailable) as refused:
        holder.custody.open(holder.seal(), replace(ORDERS, target=target))
    assert refused.value.code == "secret_bound_elsewhere"
    assert refused.value.message == "the secret is bound to another upstream or another address"


def test_the_same_origin_spelt_otherwise_is_the_same_origin() -> None:
    holder = Holder()
    for target in ("https://API.orders.example/v2", "https://api.orders.example:443", "HTTPS://api.orders.example"):
        assert holder.custody.open(holder.seal(), replace(ORDERS, target=target)).expose_to(bytes) == PLAINTEXT


def test_another_upstream_at_the_same_origin_gets_nothing() -> None:
    holder = Holder()
    with pytest.raises(Unavailable) as refused:
        holder.custody.open(holder.seal(), replace(ORDERS, id=UpstreamId("ups_9")))
    assert refused.value.code == "secret_bound_elsewhere"


def test_another_command_line_gets_nothing() -> None:
    holder = Holder()
    sealed = holder.seal(GIT)
    for target in ('["git-server","/srv/other"]', '["cat","/proc/self/environ"]', '["git-server", "/srv"]'):
        with pytest.raises(Unavailable):
            holder.custody.open(sealed, replace(GIT, target=target))


def test_rewriting_the_row_to_fit_the_new_address_does_not_help() -> None:
    """Whoever can write to the database changes both the upstream's target and the secret's origin."""
    holder = Holder()
    elsewhere = replace(ORDERS, target="https://evil.example/v1")
    forged = replace(holder.seal(), origin="https://evil.example:443")
    with pytest.raises(Unavailable) as refused:
        holder.custody.open(forged, elsewhere)
    assert refused.value.code == "secret_unreadable"


def test_a_target_that_cannot_be_read_opens_nothing() -> None:
    holder = Holder()
    with pytest.raises(Malformed):
        holder.custody.open(holder.seal(), replace(ORDERS, target="https://api.orders.example@evil.example"))


@given(st.text(max_size=60), st.sampled_from(list(UpstreamKind)))
def test_no_other_target_ever_opens_it(target: str, kind: UpstreamKind) -> None:
    holder = Holder()
    sealed = holder.seal()
    with pytest.raises((Unavailable, Malformed)):
        holder.custody.open(sealed, replace(ORDERS, target=target, kind=kind))


def test_a_rotation_is_seen_at_once_and_nothing_has_to_stop() -> None:
    holder = Holder()
    old = holder.seal()
    holder.live.rotate(AT, Numbered(b"rotation"))
    assert holder.custody.open(old, ORDERS).expose_to(bytes) == PLAINTEXT
    rewrapped = holder.sealer.rewrap(old)
    holder.live.drop(old.key_id)
    assert holder.custody.open(rewrapped, ORDERS).expose_to(bytes) == PLAINTEXT
    with pytest.raises(Unavailable) as refused:
        holder.custody.open(old, ORDERS)
    assert refused.value.code == "secret_unreadable"
