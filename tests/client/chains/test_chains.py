"""A holder's hands: what they make, a verifier takes; what they cannot make, is refused here and there."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.credentials.capability.chains import ADA, AUDIENCE, BOB, EVE, LESS, NOW, READ, REFUND, minted, verified

from gatepass import access
from gatepass.access import Instant
from gatepass.authority import BY_NUMBER, Calls, Grant, Networks, Permission, Rate, SingleUse, read_caveat
from gatepass.client.chains import Less, add_duties, hand_on, in_words, narrow, read_chain, seal, take, tell
from gatepass.client.holding import read_key
from gatepass.errors import Denied, Malformed


def now() -> Instant:
    return Instant(NOW + 1_000)


def test_what_is_narrowed_offline_verifies_and_is_less() -> None:
    less = Less(scopes=(LESS,), lifetime=60_000, once=True, calls=3, networks=("10.0.0.0/8",))
    chain = narrow(minted(), ADA, less, to=BOB.public, now=now)
    read = verified(chain, NOW + 2_000)
    (grant,) = read.links[-1].authority.grants
    assert str(grant.permission) == LESS
    assert [type(each) for each in grant.conditions] == [SingleUse, Calls, Networks]
    assert read.links[-1].expires == NOW + 61_000
    assert read.holder == BOB.public.thumbprint


def test_counters_count_in_the_new_links_name() -> None:
    chain = add_duties(minted(), ADA, Less(rate=access.Rate(10, 60_000), log="log"), now=now)
    link = verified(chain, NOW + 2_000).links[-1]
    rates = {leaf.meter for grant in link.authority.grants for leaf in grant.conditions if isinstance(leaf, Rate)}
    assert rates == {f"{link.id}/rate"}
    assert link.holder.thumbprint == ADA.public.thumbprint


def test_nothing_said_is_all_of_it() -> None:
    told = tell(narrow(minted(), ADA, Less(), now=now))
    assert [grant.text for grant in told.links[-1].authority.grants] == [REFUND, READ]


@pytest.mark.parametrize(
    "scope",
    [
        "orders:refund:order-12345?amount<=51&amount>=0&currency=USD",
        "orders:refund:order-99?amount<=50&amount>=0&currency=USD",
        "orders:refund:order-12345",
        "orders:refund",
        "orders:cancel:order-12345",
        "reports:read:*",
    ],
)
def test_more_is_refused_and_not_cut_down_in_silence(scope: str) -> None:
    with pytest.raises(Denied) as error:
        narrow(minted(), ADA, Less(scopes=(READ, scope)), now=now)
    assert error.value.code == "capability_exceeded"


def test_another_key_and_a_longer_life_are_refused() -> None:
    with pytest.raises(Malformed, match="another key"):
        narrow(minted(), EVE, Less(), now=now)
    with pytest.raises(Denied):
        narrow(minted(), ADA, Less(lifetime=3_600_000), now=now)


def test_what_is_handed_on_is_taken_over_with_its_key(tmp_path: Path) -> None:
    handed = hand_on(minted(), ADA, Less(scopes=(READ,)), now=now)
    chain = take(handed.reveal(), tmp_path / "key")
    assert read_key(tmp_path / "key").public.thumbprint == verified(chain, NOW + 2_000).holder
    assert handed.key.public.thumbprint not in {ADA.public.thumbprint, BOB.public.thumbprint}
    for text in (chain.text, "gp_hand_" + "a" * 90, handed.reveal() + "A"):
        with pytest.raises(Malformed):
            take(text, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_seal_is_for_one_audience_and_a_while() -> None:
    sealed = seal(minted(), ADA, audience=AUDIENCE, lifetime=60_000, now=now)
    assert verified(sealed, NOW + 2_000).proven_by(None).expires == NOW + 61_000
    with pytest.raises(Malformed):
        narrow(sealed, ADA, Less(), now=now)


@pytest.mark.parametrize("text", ["", "gp_cap_", "gp_cap_a.b.c", "gp_sk_1", "gp_hand_a~b", minted().text + "~x"])
def test_what_is_no_chain_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        tell(read_chain(text))


WORDS = [
    ((14, "crd_1/use"), "once"),
    ((13, "crd_1/calls", 5), "at most 5 calls in all"),
    ((16, "crd_1/rate", 10, 60_000), "at most 10/1m calls"),
    ((15, "crd_1/money", 50, "USD", "amount", "currency"), "at most 50 USD in all"),
    ((1, 1_780_000_000_000), "until 2026-05-28 20:26:40Z"),
    ((2, 1_780_000_000_000), "from 2026-05-28 20:26:40Z on"),
    ((3, "Europe/Berlin", ("mon 09:00-17:30",)), "only mon 09:00-17:30 on the clock of Europe/Berlin"),
    ((4, ("10.0.0.0/8",)), "only from 10.0.0.0/8"),
    ((5, ("https://a.example", "https://b.example")), "only at https://a.example or https://b.example"),
    ((6, "run_1"), "only in the run run_1"),
    ((7, "A" * 43), f"only with a proof of the key {'A' * 43}"),
    ((8, ("tpm",)), "only where tpm was verified"),
    ((9, None), "only with a person's approval"),
    ((9, ("per_ada",)), "only approved by per_ada"),
    ((10, ("refunds",)), "only for the purpose refunds"),
    ((11, "log"), "under the duty `log`"),
    ((12, ((14, "crd_1/use"), (11, "log"))), "once; under the duty `log`"),
    ((17, "orders:read:order-1"), "within orders:read:order-1"),
    ((999, "new"), "nothing, for a condition cannot be read"),
]


@pytest.mark.parametrize(("written", "words"), WORDS, ids=[str(written[0]) for written, _ in WORDS])
def test_every_condition_has_words(written: tuple[object, ...], words: str) -> None:
    grant = Grant(Permission.parse("orders:read"), (read_caveat(exactly(written)),))
    assert in_words(grant) == f"read of orders; {words}"


def exactly(value: Any) -> Any:
    """JSON as it is read: numbers are decimals."""
    if isinstance(value, tuple):
        return tuple(map(exactly, value))
    return Decimal(value) if isinstance(value, int) else value


def test_every_kind_that_there_is_has_words() -> None:
    assert {written[0] for written, _ in WORDS} >= set(BY_NUMBER)


def test_limits_are_told_one_by_one() -> None:
    told = in_words(Grant(Permission.parse("orders:refund:o-1?currency=EUR|USD&dry_run=#true&n>1&path~a/*&user!=bob")))
    wanted = "currency is EUR or USD and dry_run is true and n is above 1 and path lies within a/* and user is not bob"
    assert told == f"refund of orders o-1, where {wanted}"
