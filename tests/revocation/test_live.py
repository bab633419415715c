"""The live list: what falls, what falls with it, who is told, and that nothing comes back."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Authority, Credential
from gatepass.revocation import Heard, Live, Reinstated, Scope, Withdrawn

HOUR = 3_600_000
NOON = 1_800_000_000_000


def credential(
    name: str,
    *,
    agent: str = "agt_bot",
    owner: str = "per_ada",
    above: tuple[str, ...] = (),
    run: str | None = None,
    issued: int = NOON,
    life: int = HOUR,
) -> Credential:
    return Credential(
        id=CredentialId(name),
        subject=AgentId(agent),
        owner=PersonId(owner),
        authority=Authority(),
        issued=Instant(issued),
        expires=Instant(issued + life),
        parent=CredentialId(above[0]) if above else None,
        ancestors=tuple(map(CredentialId, above)),
        run=RunId(run) if run else None,
    )


def lists(*credentials: Credential) -> Live:
    live = Live()
    for each in credentials:
        live.add(each)
    return live


def alive(live: Live, *names: str, at: str = "orders") -> list[str]:
    return [name for name in names if live.check(CredentialId(name), at) is None]


def withdraw(live: Live, scope: Scope, id_: str = "", at: int = NOON + 1) -> set[str]:
    return set(live.withdraw(Withdrawn(scope, id_, Instant(at))))


# -- what falls


def test_what_is_not_on_the_list_is_not_alive() -> None:
    veto = Live().check(CredentialId("crd_a"), "orders")
    assert veto is not None
    assert veto.code == "credential_unheard"


def test_a_withdrawn_credential_is_dead_and_its_neighbour_is_not() -> None:
    live = lists(credential("crd_a"), credential("crd_b"))
    assert withdraw(live, Scope.CREDENTIAL, "crd_a") == {"crd_a"}
    assert alive(live, "crd_a", "crd_b") == ["crd_b"]
    veto = live.check(CredentialId("crd_a"), "orders")
    assert veto is not None
    assert (veto.code, veto.detail) == ("credential_invalid", "the credential was withdrawn")


@pytest.mark.parametrize(
    ("scope", "id_", "falls", "why"),
    [
        (Scope.AGENT, "agt_bot", {"crd_a", "crd_b"}, "the credential's agent was withdrawn"),
        (Scope.PERSON, "per_ada", {"crd_a", "crd_c"}, "the credential's owner was withdrawn"),
        (Scope.RUN, "run_1", {"crd_a", "crd_d"}, "the credential's run was withdrawn"),
        (Scope.EVERYTHING, "", {"crd_a", "crd_b", "crd_c", "crd_d"}, "all credentials were withdrawn"),
    ],
)
def test_what_belongs_to_it_falls_with_it(scope: Scope, id_: str, falls: set[str], why: str) -> None:
    live = lists(
        credential("crd_a", run="run_1"),
        credential("crd_b", owner="per_bo"),
        credential("crd_c", agent="agt_other"),
        credential("crd_d", agent="agt_other", owner="per_bo", run="run_1"),
    )
    assert withdraw(live, scope, id_) == falls
    assert set(alive(live, "crd_a", "crd_b", "crd_c", "crd_d")) == {"crd_a", "crd_b", "crd_c", "crd_d"} - falls
    veto = live.check(CredentialId("crd_a"), "orders")
    assert veto is not None
    assert veto.detail == why


def test_what_descends_from_it_falls_with_it() -> None:
    live = lists(
        credential("crd_root"),
        credential("crd_child", above=("crd_root",), agent="agt_other", owner="per_bo"),
        credential("crd_grandchild", above=("crd_child", "crd_root"), agent="agt_third"),
        credential("crd_sibling", agent="agt_other", owner="per_bo"),
    )
    assert withdraw(live, Scope.CREDENTIAL, "crd_child") == {"crd_child", "crd_grandchild"}
    assert withdraw(live, Scope.CREDENTIAL, "crd_root") == {"crd_root"}
    assert alive(live, "crd_root", "crd_child", "crd_grandchild", "crd_sibling") == ["crd_sibling"]
    veto = live.check(CredentialId("crd_grandchild"), "orders")
    assert veto is not None
    assert veto.detail == "a credential that this one descends from was withdrawn"


def test_what_was_lent_to_another_agent_falls_with_the_agent_that_lent_it() -> None:
    live = lists(
        credential("crd_root", agent="agt_lender"),
        credential("crd_child", above=("crd_root",), agent="agt_borrower"),
        credential("crd_own", agent="agt_borrower"),
    )
    assert withdraw(live, Scope.AGENT, "agt_lender") == {"crd_root", "crd_child"}
    assert alive(live, "crd_own") == ["crd_own"]


def test_a_chain_that_names_only_its_parents_falls_all_the_same() -> None:
    live = lists(credential("crd_1"), credential("crd_2", above=("crd_1",)), credential("crd_3", above=("crd_2",)))
    assert withdraw(live, Scope.CREDENTIAL, "crd_1") == {"crd_1", "crd_2", "crd_3"}


def test_an_ancestor_that_has_expired_still_takes_its_descendants_with_it() -> None:
    live = lists(credential("crd_root"), credential("crd_child", above=("crd_root",)))
    live.drop(CredentialId("crd_root"))
    assert alive(live, "crd_root", "crd_child") == ["crd_child"]
    assert withdraw(live, Scope.CREDENTIAL, "crd_root") == {"crd_root", "crd_child"}


def test_an_upstream_that_is_switched_off_kills_no_credential() -> None:
    live = lists(credential("crd_a"))
    assert withdraw(live, Scope.UPSTREAM, "orders") == set()
    assert alive(live, "crd_a") == []
    assert alive(live, "crd_a", at="files") == ["crd_a"]
    veto = live.check(CredentialId("crd_a"), "orders")
    assert veto is not None
    assert (veto.code, veto.detail) == ("upstream_withdrawn", "the upstream `orders` is switched off")
    live.reinstate(Reinstated(Scope.UPSTREAM, "orders"))
    assert alive(live, "crd_a") == ["crd_a"]


# -- nothing comes back


def test_adding_it_again_does_not_bring_it_back() -> None:
    live = lists(credential("crd_root"), credential("crd_child", above=("crd_root",)))
    withdraw(live, Scope.CREDENTIAL, "crd_root")
    live.add(credential("crd_root"))
    live.add(credential("crd_child"))  # as if it had no ancestors
    live.add(credential("crd_child", issued=NOON + HOUR))
    assert alive(live, "crd_root", "crd_child") == []


def test_a_child_that_is_heard_of_late_is_dead_on_arrival() -> None:
    live = Live()
    assert withdraw(live, Scope.CREDENTIAL, "crd_root") == {"crd_root"}  # never heard of
    live.add(credential("crd_child", above=("crd_root",)))
    live.add(credential("crd_grandchild", above=("crd_child",)))
    assert alive(live, "crd_root", "crd_child", "crd_grandchild") == []


def test_enabling_an_agent_again_resurrects_nothing() -> None:
    live = lists(credential("crd_old"))
    withdraw(live, Scope.AGENT, "agt_bot", at=NOON + 10)
    live.add(credential("crd_meanwhile", issued=NOON + 20))
    live.reinstate(Reinstated(Scope.AGENT, "agt_bot"))
    live.add(credential("crd_late", issued=NOON + 5))  # issued before, heard of after
    live.add(credential("crd_same", issued=NOON + 10))
    live.add(credential("crd_new", issued=NOON + 30))
    live.add(credential("crd_old"))
    assert alive(live, "crd_old", "crd_meanwhile", "crd_late", "crd_same", "crd_new") == ["crd_new"]


def test_a_clock_that_was_ahead_does_not_save_what_was_issued_by_it() -> None:
    live = lists(credential("crd_ahead", issued=NOON + HOUR))
    withdraw(live, Scope.AGENT, "agt_bot", at=NOON)
    live.reinstate(Reinstated(Scope.AGENT, "agt_bot"))
    assert alive(live, "crd_ahead") == []


def test_everything_is_everything_until_now() -> None:
    live = lists(credential("crd_a"))
    withdraw(live, Scope.EVERYTHING, at=NOON + 10)
    live.add(credential("crd_late", issued=NOON + 10))
    live.add(credential("crd_new", issued=NOON + 11))
    assert alive(live, "crd_a", "crd_late", "crd_new") == ["crd_new"]


@pytest.mark.parametrize("scope", [Scope.CREDENTIAL, Scope.RUN, Scope.EVERYTHING])
def test_some_things_cannot_be_reinstated(scope: Scope) -> None:
    with pytest.raises(ValueError, match=f"a withdrawn {scope} stays withdrawn"):
        Live().reinstate(Reinstated(scope, "x"))


def test_hearing_of_a_credential_again_adds_what_it_hangs_on_and_takes_nothing_away() -> None:
    live = lists(credential("crd_a", above=("crd_root",), run="run_1"))
    live.add(credential("crd_a"))
    assert withdraw(live, Scope.RUN, "run_1") == {"crd_a"}


def test_a_credential_that_outlives_every_withdrawal_is_not_taken() -> None:
    live = Live(longest_life=HOUR)
    live.add(credential("crd_a", life=HOUR + 1))
    assert alive(live, "crd_a") == []


# -- forgetting


def test_a_withdrawal_is_kept_as_long_as_anything_that_it_concerns_could_live() -> None:
    live = Live(longest_life=HOUR)
    live.add(credential("crd_a"))
    withdraw(live, Scope.CREDENTIAL, "crd_a", at=NOON + 10)
    live.forget(Instant(NOON + 10 + HOUR))
    live.add(credential("crd_child", above=("crd_a",), issued=NOON + 10))
    assert alive(live, "crd_child") == []
    live.forget(Instant(NOON + 11 + HOUR))
    veto = live.check(CredentialId("crd_a"), "orders")
    assert veto is not None
    assert veto.code == "credential_unheard"


def test_withdrawing_again_keeps_it_longer() -> None:
    live = Live(longest_life=HOUR)
    withdraw(live, Scope.RUN, "run_1", at=NOON)
    withdraw(live, Scope.RUN, "run_1", at=NOON + 10)
    live.reinstate(Reinstated(Scope.AGENT, "run_1"))  # not by its own scope: a run has none
    live.forget(Instant(NOON + HOUR + 10))
    live.add(credential("crd_a", run="run_1", issued=NOON + 10))
    assert alive(live, "crd_a") == []


def test_a_withdrawal_by_a_clock_that_was_behind_is_kept_as_long() -> None:
    live = Live(longest_life=HOUR)
    live.add(credential("crd_a"))
    withdraw(live, Scope.CREDENTIAL, "crd_a", at=5)
    live.forget(Instant(NOON + HOUR))
    live.add(credential("crd_a"))
    assert alive(live, "crd_a") == []


def test_a_disabled_agent_stays_disabled_however_long() -> None:
    live = Live(longest_life=HOUR)
    withdraw(live, Scope.AGENT, "agt_bot")
    live.forget(Instant(NOON + 1000 * HOUR))
    live.add(credential("crd_a", issued=NOON + 1000 * HOUR))
    assert alive(live, "crd_a") == []


def test_nothing_is_left_of_a_hundred_thousand_that_have_come_and_gone() -> None:
    live = Live(longest_life=HOUR)
    for number in range(10_000):
        live.add(credential(f"crd_{number}", run=f"run_{number}", above=("crd_root",)))
        if number % 2:
            withdraw(live, Scope.RUN, f"run_{number}")
        else:
            live.drop(CredentialId(f"crd_{number}"))
    live._closed.clear()
    live.forget(Instant(NOON + 2 * HOUR + 2))
    left: dict[str, Any] = {name: value for name, value in vars(live).items() if hasattr(value, "__len__")}
    assert {name: len(value) for name, value in left.items() if len(value)} == {}


def test_what_the_issuer_signed_is_forgotten_an_hour_after_its_own_end_and_not_before() -> None:
    live = Live()
    live.add(credential("crd_a", life=HOUR), "key_1")
    live.add(credential("crd_b", life=HOUR, above=("crd_a",)), "key_1")
    withdraw(live, Scope.CREDENTIAL, "crd_a", at=NOON + 10)
    late = credential("crd_c", life=HOUR, above=("crd_b",))
    live.add(late, "key_1")
    live.apply(Withdrawn(Scope.CREDENTIAL, "lnk_unheard", Instant(NOON + 10), Instant(NOON + HOUR)))
    live.forget(Instant(NOON + 2 * HOUR))
    for again in (credential("crd_a", life=HOUR), late):
        live.add(again, "key_1")
    assert alive(live, "crd_a", "crd_b", "crd_c") == []
    assert all(live.fallen(CredentialId(name)) for name in ("crd_a", "crd_b", "crd_c", "lnk_unheard"))
    live.forget(Instant(NOON + 2 * HOUR + 1))
    left: dict[str, Any] = {name: value for name, value in vars(live).items() if hasattr(value, "__len__")}
    assert {name: len(value) for name, value in left.items() if len(value)} == {}


def test_a_withdrawal_of_what_nobody_signed_says_nothing_of_its_children() -> None:
    """An API token's end is not that of the tokens that hang on it."""
    live = Live()
    live.add(credential("crd_a", life=HOUR))
    withdraw(live, Scope.CREDENTIAL, "crd_a", at=NOON + 10)
    live.forget(Instant(NOON + 5 * HOUR))
    live.add(credential("crd_child", above=("crd_a",), issued=NOON + 5, life=9 * HOUR))
    assert alive(live, "crd_child") == []


# -- who is told


class Told:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def watching(live: Live, name: str, upstream: str = "orders") -> tuple[Told, Callable[[], None]]:
    told = Told()
    return told, live.watch(CredentialId(name), upstream, told)


def test_a_watcher_is_told_exactly_once() -> None:
    live = lists(credential("crd_a"), credential("crd_b"))
    told, _ = watching(live, "crd_a")
    other, _ = watching(live, "crd_b")
    withdraw(live, Scope.CREDENTIAL, "crd_a")
    withdraw(live, Scope.CREDENTIAL, "crd_a")
    withdraw(live, Scope.AGENT, "agt_bot")
    withdraw(live, Scope.UPSTREAM, "orders")
    withdraw(live, Scope.EVERYTHING)
    assert (told.times, other.times) == (1, 1)


def test_a_watcher_of_a_descendant_is_told() -> None:
    live = lists(credential("crd_root"), credential("crd_child", above=("crd_root",)))
    told, _ = watching(live, "crd_child")
    withdraw(live, Scope.CREDENTIAL, "crd_root")
    assert told.times == 1


def test_a_watcher_is_told_of_its_own_upstream_only() -> None:
    live = lists(credential("crd_a"))
    orders, _ = watching(live, "crd_a", "orders")
    files, _ = watching(live, "crd_a", "files")
    withdraw(live, Scope.UPSTREAM, "orders")
    assert (orders.times, files.times) == (1, 0)
    withdraw(live, Scope.CREDENTIAL, "crd_a")
    assert (orders.times, files.times) == (1, 1)


@pytest.mark.parametrize("name", ["crd_a", "crd_unheard", "crd_switched_off"])
def test_whoever_watches_too_late_is_told_at_once(name: str) -> None:
    live = lists(credential("crd_a"), credential("crd_switched_off"))
    withdraw(live, Scope.CREDENTIAL, "crd_a")
    withdraw(live, Scope.UPSTREAM, "orders")
    told, unwatch = watching(live, name)
    assert told.times == 1
    unwatch()
    withdraw(live, Scope.EVERYTHING)
    assert told.times == 1


def test_whoever_stopped_watching_is_not_told() -> None:
    live = lists(credential("crd_a"))
    told, unwatch = watching(live, "crd_a")
    other, _ = watching(live, "crd_a")
    unwatch()
    unwatch()
    withdraw(live, Scope.CREDENTIAL, "crd_a")
    assert (told.times, other.times) == (0, 1)


def test_by_the_time_anybody_is_told_nobody_is_permitted() -> None:
    live = lists(*(credential(f"crd_{number}", above=("crd_root",)) for number in range(5)))
    seen: list[list[str]] = []
    names = [f"crd_{number}" for number in range(5)]
    for name in names:
        live.watch(CredentialId(name), "orders", lambda: seen.append(alive(live, *names)))
    withdraw(live, Scope.CREDENTIAL, "crd_root")
    assert seen == [[]] * 5


def test_a_watcher_that_fails_does_not_keep_the_others_from_being_told() -> None:
    live = lists(credential("crd_a"))

    def fail() -> None:
        raise RuntimeError("the watcher's own fault")

    first, _ = watching(live, "crd_a")
    live.watch(CredentialId("crd_a"), "orders", fail)
    last, _ = watching(live, "crd_a")
    with pytest.raises(ExceptionGroup, match="callbacks of what was withdrawn have failed"):
        withdraw(live, Scope.CREDENTIAL, "crd_a")
    assert (first.times, last.times) == (1, 1)
    assert alive(live, "crd_a") == []


def test_a_watcher_may_do_anything_to_the_list_while_it_is_told() -> None:
    live = lists(credential("crd_a"), credential("crd_b"))
    told, unwatch = watching(live, "crd_b")

    def busy() -> None:
        unwatch()
        live.add(credential("crd_a"))
        live.watch(CredentialId("crd_b"), "orders", told)
        withdraw(live, Scope.CREDENTIAL, "crd_b")

    live.watch(CredentialId("crd_a"), "orders", busy)
    withdraw(live, Scope.AGENT, "agt_bot")
    assert told.times == 2  # it watched twice, and both were under way
    assert alive(live, "crd_a", "crd_b") == []


def test_a_call_that_outlives_its_token_can_still_be_cut() -> None:
    live = lists(credential("crd_a"))
    told, unwatch = watching(live, "crd_a")
    live.drop(CredentialId("crd_a"))
    assert alive(live, "crd_a") == []  # no new call, though
    withdraw(live, Scope.PERSON, "per_ada")
    assert told.times == 1
    unwatch()
    assert len(live) == 0


def test_a_token_whose_life_is_over_leaves_with_its_last_call() -> None:
    live = lists(credential("crd_a"))
    _, first = watching(live, "crd_a")
    _, second = watching(live, "crd_a")
    live.drop(CredentialId("crd_a"))
    first()
    assert len(live) == 1
    second()
    assert len(live) == 0


# -- what it costs


def calls_made(work: Callable[[], object]) -> int:
    """Python and C functions called: a cost that no busy machine changes."""
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def test_a_withdrawal_costs_as_much_as_what_falls_and_a_check_as_much_as_ever() -> None:
    costs = []
    for size in (10, 10_000):
        live = lists(*(credential(f"crd_{n}", agent=f"agt_{n}", owner=f"per_{n}") for n in range(size)))
        for number in range(size):
            watching(live, f"crd_{number}")
        costs.append(
            (
                calls_made(lambda live=live: live.check(CredentialId("crd_5"), "orders")),  # type: ignore[misc]
                calls_made(lambda live=live: withdraw(live, Scope.CREDENTIAL, "crd_5")),  # type: ignore[misc]
                calls_made(lambda live=live: withdraw(live, Scope.AGENT, "agt_6")),  # type: ignore[misc]
            )
        )
    small, large = costs
    assert large == small


# -- the laws, against a list that only remembers

names = st.sampled_from([f"crd_{number}" for number in range(6)])
agents = st.sampled_from(["agt_1", "agt_2"])


class Story(RuleBasedStateMachine):
    """Whatever happens: what was ever withdrawn, or hangs on it, is dead, and every watcher was told once."""

    def __init__(self) -> None:
        super().__init__()
        self.live = Live()
        self.now = NOON
        self.known: dict[str, set[str]] = {}
        self.dead: set[str] = set()
        self.off: set[str] = set()
        self.watched: list[tuple[str, str, Told]] = []

    def fall(self, roots: set[str]) -> None:
        while roots - self.dead:
            self.dead |= roots
            roots = {name for name, links in self.known.items() if links & self.dead} | roots

    @rule(name=names, agent=agents, above=st.lists(names, max_size=2))
    def add(self, name: str, agent: str, above: list[str]) -> None:
        self.now += 1
        above = [other for other in above if other < name]  # a parent is older
        self.live.apply(Heard(credential(name, agent=agent, above=tuple(above), issued=self.now)))
        links = self.known.setdefault(name, set())
        links |= {agent, *above}
        if name in self.dead or links & self.dead:
            self.fall({name})

    @rule(name=names)
    def withdraw(self, name: str) -> None:
        self.now += 1
        self.live.apply(Withdrawn(Scope.CREDENTIAL, name, Instant(self.now)))
        self.fall({name})

    @rule(agent=agents, again=st.booleans())
    def disable(self, agent: str, again: bool) -> None:  # noqa: FBT001 - a switch of the story
        self.now += 1
        self.live.apply(Withdrawn(Scope.AGENT, agent, Instant(self.now)))
        self.fall({name for name, links in self.known.items() if agent in links and name not in self.dead})
        if again:
            self.live.apply(Reinstated(Scope.AGENT, agent))
            self.dead.discard(agent)
        else:
            self.dead.add(agent)

    @rule(upstream=st.sampled_from(["orders", "files"]), on=st.booleans())
    def switch(self, upstream: str, on: bool) -> None:  # noqa: FBT001 - a switch of the story
        if on:
            self.live.apply(Reinstated(Scope.UPSTREAM, upstream))
            self.off.discard(upstream)
        else:
            self.live.apply(Withdrawn(Scope.UPSTREAM, upstream, Instant(self.now)))
            self.off.add(upstream)

    @rule(name=names, upstream=st.sampled_from(["orders", "files"]))
    def watch(self, name: str, upstream: str) -> None:
        told = Told()
        self.live.watch(CredentialId(name), upstream, told)
        assert told.times == (0 if self.permitted(name, upstream) else 1)
        self.watched.append((name, upstream, told))

    def permitted(self, name: str, upstream: str) -> bool:
        return name in self.known and name not in self.dead and upstream not in self.off

    @invariant()
    def nothing_dead_is_permitted_and_nothing_else_is_refused(self) -> None:
        for name in self.known:
            for upstream in ("orders", "files"):
                assert (self.live.check(CredentialId(name), upstream) is None) == self.permitted(name, upstream)

    @invariant()
    def every_watcher_was_told_once(self) -> None:
        for name, upstream, told in self.watched:
            assert told.times <= 1
            assert told.times or self.permitted(name, upstream)


TestStory = Story.TestCase


@given(st.permutations(range(4)))
def test_the_order_in_which_a_family_is_heard_of_saves_nobody(order: list[int]) -> None:
    family = [credential(f"crd_{n}", above=tuple(f"crd_{m}" for m in range(n - 1, -1, -1))) for n in range(4)]
    live = Live()
    withdraw(live, Scope.CREDENTIAL, "crd_0")
    for number in order:
        live.add(family[number])
    assert alive(live, "crd_0", "crd_1", "crd_2", "crd_3") == []
