"""Whatever holders do, a chain permits no more than it began with; whatever anybody changes, it does not verify."""

from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credentials.capability.chains import ADA, AUDIENCE, BOB, EVE, NOW, minted, then, verified
from tests.keys.randomness import Numbered
from tests.laws import strategies

from gatepass.access import Instant
from gatepass.authority import Authority, Calls, Log, covers, permits
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.narrowing import extend, last_link, narrow, seal
from gatepass.errors import Denied, Error, Malformed

HOLDERS = (ADA, BOB, EVE)


def given_authority(wanted: Authority, _id: str, _parent: Authority) -> Authority:
    return wanted


@settings(max_examples=40)
@given(st.data())
def test_whatever_is_narrowed_the_last_authority_permits_no_more_than_the_first(data: st.DataObject) -> None:
    first = data.draw(strategies.authorities())
    chain, key = minted(Authority(first.grants)), ADA
    for _ in range(data.draw(st.integers(1, 4))):
        after = data.draw(st.sampled_from(HOLDERS))
        wanted = data.draw(strategies.related(last_link(chain).authority))
        try:
            if data.draw(st.booleans()):
                chain = extend(chain, key, then(after), partial(given_authority, wanted))
            else:
                part = [grant.permission for grant in wanted.grants]
                caveats = data.draw(st.lists(strategies.conditions(), max_size=1))
                chain = narrow(chain, key, then(after), to=part or None, caveats=caveats)
        except (Denied, Malformed):
            continue
        key = after
    found = verified(chain).proven_by(key.public.thumbprint)
    assert covers(first, found.authority)
    access = data.draw(strategies.accesses(found.authority))
    if permits(found.authority, access).permitted:
        assert permits(first, access).permitted


CHAIN = seal(narrow(minted(), ADA, then(BOB)), BOB, audience=AUDIENCE, at=Instant(NOW), expires=Instant(NOW + 60_000))


def refuses(text: str) -> bool:
    try:
        verified(UnverifiedCapability.parse(text)).proven_by(None)
    except Error:
        return True
    return False


def test_no_character_of_a_sealed_chain_can_be_changed_dropped_or_doubled() -> None:
    text = CHAIN.text
    assert not refuses(text)
    for place in range(0, len(text), 23):
        for other in ("A", "B", "~", ".", "=", ""):
            changed = text[:place] + other + text[place + 1 :]
            assert changed == text or refuses(changed), (place, other)
        assert refuses(text[:place] + text[place] + text[place:]), place


@settings(max_examples=60)
@given(st.integers(0, len(CHAIN.text) - 1), st.characters())
def test_no_other_character_verifies_anywhere(place: int, other: str) -> None:
    text = CHAIN.text
    changed = text[:place] + other + text[place + 1 :]
    assert changed == text or refuses(changed)


@given(st.text(max_size=300))
def test_no_text_makes_verifying_raise_anything_else(text: str) -> None:
    assert refuses(text)
    assert refuses("gp_cap_" + text)
    assert refuses(f"{CHAIN.text}~{text}")


PARTS = CHAIN.text.removeprefix("gp_cap_").split("~")
OTHER = narrow(minted(), ADA, then(EVE, entropy=Numbered(b"other")))


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*PARTS, *OTHER.links, narrow(OTHER, EVE, then(BOB)).links[2]]), max_size=6))
def test_no_other_way_of_putting_the_parts_together_is_taken_without_a_proof(parts: list[str]) -> None:
    assert parts == PARTS or refuses("gp_cap_" + "~".join(parts))


def test_a_parent_stays_with_its_own_holder_when_something_was_derived_from_it() -> None:
    """What N. Madden asks of such drafts: whoever is given less cannot go back to more."""
    parent = minted()
    derived = narrow(parent, ADA, then(BOB), caveats=[Log("log")])
    stripped = UnverifiedCapability(derived.links[:1])
    with pytest.raises(Error, match=r"link 0 .* key was not proven"):
        verified(stripped).proven_by(BOB.public.thumbprint)
    with pytest.raises(Error, match=r"link 0 .* key was not proven"):
        verified(stripped).proven_by(None)
    with pytest.raises(Malformed, match="another key"):
        narrow(stripped, BOB, then(BOB))
    assert verified(parent).proven_by(ADA.public.thumbprint).authority == verified(parent).root.authority


def test_a_holder_in_the_middle_can_use_neither_what_came_before_nor_what_comes_after() -> None:
    chain = narrow(narrow(minted(), ADA, then(BOB)), BOB, then(EVE))
    for count, (right, *wrong) in enumerate(((ADA, BOB, EVE), (BOB, ADA, EVE), (EVE, ADA, BOB)), start=1):
        part = verified(UnverifiedCapability(chain.links[:count]))
        assert part.proven_by(right.public.thumbprint).binding == right.public.thumbprint
        for key in wrong:
            with pytest.raises(Error, match="not proven"):
                part.proven_by(key.public.thumbprint)


def test_children_draw_on_their_parents_meter_and_can_shed_it_in_no_link() -> None:
    def five(id_: str, parent: Authority) -> Authority:
        return Authority(tuple(replace(grant, caveats=(Calls(f"{id_}/calls", 5),)) for grant in parent.grants))

    once = extend(minted(), ADA, then(BOB), five)
    with pytest.raises(Denied):
        extend(
            once,
            BOB,
            then(EVE),
            lambda _id, parent: Authority(tuple(replace(each, caveats=()) for each in parent.grants)),
        )
    with pytest.raises(Denied):
        extend(once, BOB, then(EVE), five)
    children = [verified(narrow(once, BOB, then(EVE, entropy=Numbered(seed)))).links[2] for seed in (b"1", b"2")]
    meters = {grant.caveats for child in children for grant in child.authority.grants}
    assert len(meters) == 1
    assert Decimal(5) == next(iter(meters))[0].fields()[1]
