"""What holders do with a chain, and what comes of it at the verifier."""

from dataclasses import replace

import pytest
from tests.credentials.capability.chains import (
    ADA,
    AUDIENCE,
    BOB,
    EVE,
    ISSUER,
    ISSUING,
    LESS,
    NOW,
    READ,
    REFUND,
    authority,
    credential,
    minted,
    then,
    verified,
)
from tests.keys.randomness import Numbered

from gatepass.access import CredentialId, Instant, Rate
from gatepass.authority import Authority, Calls, Expires, Grant, Log, Permission, covers
from gatepass.authority import Rate as RateCaveat
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.capability.narrowing import (
    Handover,
    add_duties,
    extend,
    narrow,
    seal,
    take_over,
)
from gatepass.errors import Denied, Malformed, Unauthenticated

SECOND = 1000


class TestMinting:
    def test_what_is_minted_comes_out_as_the_credential_it_was_minted_from(self) -> None:
        found = verified(minted()).proven_by(ADA.public.thumbprint)
        wanted = credential()
        assert found == replace(wanted, binding=ADA.public.thumbprint, parent=CredentialId("crd_0UuNB2Ba00"))

    def test_lives_are_cut_to_whole_seconds(self) -> None:
        long = replace(credential(), issued=Instant(NOW + 1), expires=Instant(NOW + 9_999))
        chain = mint(long, ADA.public, issuer=ISSUER, audiences=(AUDIENCE,), key=ISSUING, key_id="k1")
        assert verified(chain).root.expires == NOW + 9_000

    @pytest.mark.parametrize("life", [3_600_001, 86_400_000])
    def test_it_lives_an_hour_at_most(self, life: int) -> None:
        with pytest.raises(Denied, match="at most 60 minutes"):
            mint(credential(life=life), ADA.public, issuer=ISSUER, audiences=(AUDIENCE,), key=ISSUING, key_id="k1")

    @pytest.mark.parametrize("life", [0, 999])
    def test_it_lives_a_second_at_least(self, life: int) -> None:
        with pytest.raises(Malformed, match="a second at least"):
            mint(credential(life=life), ADA.public, issuer=ISSUER, audiences=(AUDIENCE,), key=ISSUING, key_id="k1")

    @pytest.mark.parametrize("audiences", [(), ("a",) * 2, tuple("abcdefghi"), ("",)])
    def test_what_could_not_be_read_is_not_signed(self, audiences: tuple[str, ...]) -> None:
        with pytest.raises(Malformed, match="aud"):
            mint(credential(), ADA.public, issuer=ISSUER, audiences=audiences, key=ISSUING, key_id="k1")
        with pytest.raises(Malformed, match="cannot be read"):
            minted(Authority(unread=("sun",)))


class TestNarrowing:
    def test_each_holder_drops_to_a_part_under_more_caveats(self) -> None:
        once = narrow(minted(), ADA, then(BOB), to=[Permission.parse(LESS)])
        twice = narrow(once, BOB, then(EVE, expires=NOW + 60_000), caveats=[Expires(Instant(NOW + 30_000))])
        found = verified(twice).proven_by(EVE.public.thumbprint)
        (grant,) = found.authority.grants
        assert grant.text == LESS
        assert grant.caveats == (Expires(Instant(NOW + 30_000)),)
        assert (found.expires, found.binding) == (NOW + 60_000, EVE.public.thumbprint)
        links = [link.id for link in verified(twice).links]
        assert found.id == links[2]
        assert found.ancestors == (links[1], "crd_0UuNB2BaZ9", "crd_0UuNB2Ba00")
        assert found.parent == links[1]
        assert links[1].startswith("lnk_")
        assert len(links[1]) == 26
        assert (found.subject, found.owner, found.run) == ("agt_support", "per_ada", "run_0UuNB2C")

    def test_a_refusal_says_which_grant_and_the_widest_that_is_allowed(self) -> None:
        with pytest.raises(Denied) as refused:
            extend(minted(), ADA, then(), lambda _id, _parent: authority("orders:refund:order-12345"))
        assert refused.value.code == "capability_exceeded"
        assert refused.value.message == (
            "`orders:refund:order-12345` goes beyond what the capability carries; the widest that it allows: "
            "`orders:refund:order-12345?amount<=50&amount>=0&currency=USD`"
        )
        with pytest.raises(Denied, match="nothing of it"):
            extend(minted(), ADA, then(), lambda _id, _parent: authority("users:delete:ada"))

    def test_a_meter_of_ones_own_is_drawn_on_by_all_below(self) -> None:
        def five(id_: CredentialId, parent: Authority) -> Authority:
            return Authority(tuple(Grant(grant.permission, (Calls(f"{id_}/calls", 5),)) for grant in parent.grants))

        once = extend(minted(), ADA, then(BOB), five)
        (one, other) = (narrow(once, BOB, then(EVE, entropy=Numbered(seed))) for seed in (b"1", b"2"))
        drawn = [verified(chain).links[2].authority.grants[0].caveats for chain in (one, other)]
        assert drawn[0] == drawn[1] == (Calls(f"{verified(once).links[1].id}/calls", 5),)
        assert verified(one).links[2].id != verified(other).links[2].id

    @pytest.mark.parametrize("name", ["crd_victim/calls", "crd_0UuNB2BaZ9/calls", "lnk_AAAAAAAAAAAAAAAAAAAAAA/x"])
    def test_a_meter_in_another_name_is_not_introduced(self, name: str) -> None:
        with pytest.raises(Denied, match="no meter in the name"):
            narrow(minted(), ADA, then(), caveats=[Calls(name, 1)])

    def test_a_life_is_inside_its_parents(self) -> None:
        for expires in (NOW + 600_000 + SECOND, NOW, NOW - SECOND):
            with pytest.raises(Denied, match="not inside"):
                narrow(minted(), ADA, then(expires=expires))
        slow = narrow(minted(), ADA, then(at=NOW - 60_000))
        assert verified(slow).links[1].issued == NOW

    def test_only_the_last_key_adds_a_link(self) -> None:
        once = narrow(minted(), ADA, then(BOB))
        for key in (ADA, EVE):
            with pytest.raises(Malformed, match="to another key"):
                narrow(once, key, then())

    def test_eight_links_and_no_more(self) -> None:
        chain = minted()
        for _ in range(7):
            chain = narrow(chain, ADA, then(ADA))
        assert len(verified(chain).links) == 8
        with pytest.raises(Malformed, match="at most 8 links"):
            narrow(chain, ADA, then())

    def test_what_cannot_be_read_is_not_passed_on(self) -> None:
        with pytest.raises(Malformed, match="cannot be passed on"):
            extend(minted(), ADA, then(), lambda _id, _parent: Authority(unread=("sun",)))
        many = authority(*(f"{READ[:-1]}q{number}" for number in range(65)))
        with pytest.raises(Malformed, match="at most 64 grants"):
            extend(minted(), ADA, then(), lambda _id, _parent: many)

    def test_a_chain_does_not_grow_beyond_its_bound(self) -> None:
        held = authority(*(f"reports:read:{'x' * 40}{number}" for number in range(50)))
        chain = narrow(narrow(minted(held), ADA, then(ADA)), ADA, then(ADA))
        with pytest.raises(Malformed, match="16384 characters"):
            narrow(chain, ADA, then(ADA))


class TestServices:
    def test_a_service_adds_a_rate_and_a_duty_of_its_own(self) -> None:
        chain = add_duties(minted(), ADA, then(BOB), rate=Rate(10, 60_000), log="audit")
        link = verified(chain).links[1]
        for grant in link.authority.grants:
            assert grant.caveats == (RateCaveat(f"{link.id}/service", 10, 60_000), Log("audit"))
        shed = [Grant(Permission.parse(LESS))]
        with pytest.raises(Denied):
            extend(chain, BOB, then(EVE), lambda _id, _parent: Authority(tuple(shed)))

    def test_what_it_adds_is_up_to_it(self) -> None:
        assert (
            len(verified(add_duties(minted(), ADA, then(BOB), log="audit")).links[1].authority.grants[0].caveats) == 1
        )
        assert verified(add_duties(minted(), ADA, then(BOB))).links[1].authority == authority(REFUND, READ)


class TestSealing:
    def test_a_sealed_chain_is_used_as_it_is_and_bound_to_no_key(self) -> None:
        chain = seal(
            narrow(minted(), ADA, then(BOB)), BOB, audience=AUDIENCE, at=Instant(NOW), expires=Instant(NOW + 9_999)
        )
        found = verified(chain).proven_by(None)
        assert (found.binding, found.expires) == (None, NOW + 9_000)
        assert verified(chain).proven_by(BOB.public.thumbprint).binding == BOB.public.thumbprint
        with pytest.raises(Malformed, match="can be used and not be added to"):
            narrow(chain, BOB, then(EVE))
        with pytest.raises(Malformed, match="sealed already"):
            seal(chain, BOB, audience=AUDIENCE, at=Instant(NOW), expires=Instant(NOW + 9_000))
        with pytest.raises(Malformed):
            Handover(chain, BOB)

    def test_only_the_last_key_seals_and_within_the_life(self) -> None:
        chain = narrow(minted(), ADA, then(BOB))
        with pytest.raises(Malformed, match="another key"):
            seal(chain, ADA, audience=AUDIENCE, at=Instant(NOW), expires=Instant(NOW + 9_000))
        with pytest.raises(Denied):
            seal(chain, BOB, audience=AUDIENCE, at=Instant(NOW), expires=Instant(NOW + 601_000))


class TestHandingOn:
    def test_a_chain_is_handed_on_with_its_key_and_taken_over(self) -> None:
        chain = narrow(minted(), ADA, then(BOB))
        handed = Handover(chain, BOB)
        assert handed.reveal().startswith("gp_hand_")
        assert "gp_hand" not in repr(handed)
        with pytest.raises(TypeError):
            handed.__reduce_ex__(2)
        taken = take_over(handed.reveal())
        assert taken.chain.text == chain.text
        assert verified(narrow(taken.chain, taken.key, then(EVE))).holder == EVE.public.thumbprint

    def test_no_surface_takes_the_form_for_handing_on(self) -> None:
        text = Handover(minted(), ADA).reveal()
        with pytest.raises(Malformed) as refused:
            UnverifiedCapability.parse(text)
        assert refused.value.code == "capability_carries_key"
        with pytest.raises(Unauthenticated, match="three segments"):
            verified(UnverifiedCapability.of_parts(text.removeprefix("gp_hand_")))

    def test_another_key_or_none_is_not_taken_over(self) -> None:
        with pytest.raises(Malformed, match="another key"):
            Handover(minted(), BOB)
        text = Handover(minted(), ADA).reveal()
        for broken in (
            text[:-1],
            text + "A",
            text.replace("gp_hand_", "gp_cap_"),
            "gp_hand_",
            minted().text,
            "x" * 20000,
        ):
            with pytest.raises(Malformed) as refused:
                take_over(broken)
            assert text[-43:] not in refused.value.message


class TestWithdrawing:
    def test_any_link_kills_what_hangs_below_and_the_refusal_names_it(self) -> None:
        chain = verified(narrow(narrow(minted(), ADA, then(BOB)), BOB, then(EVE)))
        chain.check_live(lambda _id: False)
        for number, link in enumerate(chain.links):
            with pytest.raises(Unauthenticated) as refused:
                chain.check_live(link.id.__eq__)
            assert refused.value.details == {"fault": "withdrawn", "link": str(number), "link_id": link.id}
            assert refused.value.message == f"link {number} of the capability: it was withdrawn"
        with pytest.raises(Unauthenticated, match=r"link 0 .* issued from was withdrawn"):
            chain.check_live("crd_0UuNB2Ba00".__eq__)

    def test_the_credential_says_what_it_descends_from_so_that_the_live_list_finds_it(self) -> None:
        chain = verified(narrow(narrow(minted(), ADA, then(BOB)), BOB, then(EVE)))
        found = chain.proven_by(EVE.public.thumbprint)
        assert {found.id, *found.ancestors} == {*(link.id for link in chain.links), "crd_0UuNB2Ba00"}


def test_a_refusal_names_the_link_whose_part_it_is() -> None:
    chain = narrow(minted(), ADA, then(BOB, expires=NOW + 60_000))
    with pytest.raises(Unauthenticated) as refused:
        verified(chain, at=NOW + 60_000)
    link = verified(chain).links[1]
    assert refused.value.code == "capability_invalid"
    assert refused.value.message == "link 1 of the capability: it has expired"
    assert refused.value.details == {"fault": "expired", "link": "1", "link_id": link.id}
    assert covers(verified(chain).links[0].authority, link.authority)
    assert "gp_cap" not in repr(chain) + str(refused.value)
