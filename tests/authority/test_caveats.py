"""Caveats one by one: what they veto, what they imply, how they are written, and what cannot be one."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest
from tests.authority.world import NOW, attempt, partly

from gatepass import exact
from gatepass.access import CredentialId, Instant, Json, MeterKind, RunId, Veto
from gatepass.authority import (
    BY_NUMBER,
    All,
    Approved,
    Attested,
    Audience,
    Calls,
    Caveat,
    Expires,
    Log,
    Networks,
    NotBefore,
    Permission,
    Purpose,
    Rate,
    Run,
    SingleUse,
    Spending,
    SubjectKey,
    Unreadable,
    Weekly,
    Window,
    Within,
    introduced_by,
    meter_key,
    parse_caveat,
    read_caveat,
    write_caveat,
)
from gatepass.errors import Malformed

ONE_OF_EACH: dict[int, tuple[Caveat, str]] = {
    1: (Expires(NOW), "[1,1780000000000]"),
    2: (NotBefore(NOW), "[2,1780000000000]"),
    3: (
        Weekly.of("Europe/Berlin", "tue 09:00-24:00", "mon 00:00-17:30"),
        '[3,"Europe/Berlin",["mon 00:00-17:30","tue 09:00-24:00"]]',
    ),
    4: (Networks.of("2001:db8::/32", "10.0.0.0/8"), '[4,["10.0.0.0/8","2001:db8::/32"]]'),
    5: (Audience(frozenset({"b", "a"})), '[5,["a","b"]]'),
    6: (Run(RunId("run_1")), '[6,"run_1"]'),
    7: (SubjectKey("thumb"), '[7,"thumb"]'),
    8: (Attested(frozenset({"tpm", "host"})), '[8,["host","tpm"]]'),
    9: (Approved(frozenset({"per_1"})), '[9,["per_1"]]'),
    10: (Purpose(frozenset({"nightly"})), '[10,["nightly"]]'),
    11: (Log(), '[11,"log"]'),
    12: (All((Expires(NOW), Log())), '[12,[[1,1780000000000],[11,"log"]]]'),
    13: (Calls("crd_1/a", 5), '[13,"crd_1/a",5]'),
    14: (SingleUse("crd_1/a"), '[14,"crd_1/a"]'),
    15: (Spending("crd_1/a", Decimal(100), "USD"), '[15,"crd_1/a",100,"USD","amount","currency"]'),
    16: (Rate("crd_1/a", 5, 60_000), '[16,"crd_1/a",5,60000]'),
    17: (Within(Permission.parse("kv:get:a:*")), '[17,"kv:get:a:*"]'),
}


def test_the_table_only_ever_grows() -> None:
    """A number, once given, means this for ever: add to the end, change nothing."""
    assert {number: read.__self__.__name__ for number, read in BY_NUMBER.items()} == {  # type: ignore[attr-defined]
        1: "Expires",
        2: "NotBefore",
        3: "Weekly",
        4: "Networks",
        5: "Audience",
        6: "Run",
        7: "SubjectKey",
        8: "Attested",
        9: "Approved",
        10: "Purpose",
        11: "Log",
        12: "All",
        13: "Calls",
        14: "SingleUse",
        15: "Spending",
        16: "Rate",
        17: "Within",
    }
    assert ONE_OF_EACH.keys() == BY_NUMBER.keys()


@pytest.mark.parametrize("number", ONE_OF_EACH)
def test_each_is_written_with_its_number_and_read_again(number: int) -> None:
    caveat, written = ONE_OF_EACH[number]
    assert caveat.number == number
    assert exact.write(write_caveat(caveat)).decode() == written
    assert parse_caveat(exact.read(written)) == caveat
    assert caveat.implies(caveat)


def test_none_implies_one_of_another_kind() -> None:
    for mine, _ in ONE_OF_EACH.values():
        for its, _ in ONE_OF_EACH.values():
            if mine is not its and not isinstance(mine, All):
                assert not mine.implies(its), (mine, its)
            assert not Unreadable("x").implies(its)
            assert not its.implies(Unreadable("x"))


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (Expires(Instant(4)), Expires(Instant(5))),
        (NotBefore(Instant(6)), NotBefore(Instant(5))),
        (Weekly.of("UTC", "mon 10:00-11:00"), Weekly.of("UTC", "mon 09:00-12:00", "tue 09:00-12:00")),
        (Networks.of("10.1.0.0/16"), Networks.of("10.0.0.0/8", "2001:db8::/32")),
        (Audience(frozenset("a")), Audience(frozenset("ab"))),
        (Attested(frozenset("ab")), Attested(frozenset("a"))),
        (Approved(frozenset("a")), Approved(frozenset("ab"))),
        (Approved(frozenset("a")), Approved()),
        (Purpose(frozenset("a")), Purpose(frozenset("ab"))),
        (All((Expires(Instant(4)), Log())), All((Log(), Expires(Instant(5))))),
        (All((Expires(Instant(4)), Log())), Log()),
        (Calls("crd_1/a", 4), Calls("crd_1/a", 5)),
        (Spending("crd_1/a", Decimal(4), "USD"), Spending("crd_1/a", Decimal(5), "USD")),
        (Rate("crd_1/a", 4, 1000), Rate("crd_1/a", 5, 1000)),
        (Within(Permission.parse("kv:get:a:b")), Within(Permission.parse("kv:get:a:*"))),
    ],
    ids=lambda caveat: type(caveat).__name__,
)
def test_the_stronger_implies_the_weaker_and_not_the_other_way_round(stronger: Caveat, weaker: Caveat) -> None:
    assert stronger.implies(weaker)
    assert not weaker.implies(stronger)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Run(RunId("run_1")), Run(RunId("run_2"))),
        (SubjectKey("a"), SubjectKey("b")),
        (Log(), Log("notify")),
        (Weekly.of("UTC", "mon 10:00-11:00"), Weekly.of("Europe/London", "mon 09:00-12:00")),
        (Weekly.of("UTC", "mon 10:00-11:00"), Weekly.of("UTC", "tue 09:00-12:00")),
        (Networks.of("10.0.0.0/8"), Networks.of("::/0")),
        (Calls("crd_1/a", 4), Calls("crd_1/b", 4)),
        (Calls("crd_1/a", 4), Calls("crd_2/a", 4)),
        (SingleUse("crd_1/a"), SingleUse("crd_2/a")),
        (SingleUse("crd_1/a"), Calls("crd_1/a", 1)),
        (Spending("crd_1/a", Decimal(5), "USD"), Spending("crd_1/a", Decimal(5), "EUR")),
        (Spending("crd_1/a", Decimal(5), "USD"), Spending("crd_2/a", Decimal(5), "USD")),
        (Spending("crd_1/a", Decimal(5), "USD"), Spending("crd_1/a", Decimal(5), "USD", ("total",))),
        (Spending("crd_1/a", Decimal(5), "USD"), Spending("crd_1/a", Decimal(5), "USD", unit=None)),
        (Rate("crd_1/a", 4, 1000), Rate("crd_1/a", 4, 2000)),
        (Rate("crd_1/a", 4, 1000), Rate("crd_1/b", 4, 1000)),
    ],
    ids=lambda caveat: type(caveat).__name__,
)
def test_neither_implies_the_other(one: Caveat, other: Caveat) -> None:
    assert not one.implies(other)
    assert not other.implies(one)


@pytest.mark.parametrize(
    ("caveat", "detail", "code"),
    [
        (Expires(NOW), "it has expired", "caveat_veto"),
        (NotBefore(Instant(NOW + 1)), "it is not valid yet", "caveat_veto"),
        (Weekly.of("UTC", "mon 00:00-24:00"), "it is outside its weekly windows in UTC", "caveat_veto"),
        (Networks.of("10.0.0.0/8"), "the caller's address is not known", "caveat_veto"),
        (Audience(frozenset("a")), "it is for another audience", "caveat_veto"),
        (Run(RunId("run_1")), "it is for another run", "caveat_veto"),
        (SubjectKey("a"), "it is bound to a key that was not proven", "caveat_veto"),
        (Attested(frozenset({"tpm", "host"})), "the evidence `host` is missing", "caveat_veto"),
        (Approved(), "it needs a person's approval", "approval_unavailable"),
        (Purpose(frozenset("a")), "it is for another purpose", "caveat_veto"),
        (Log(), "the obligation `log` is not known here", "caveat_veto"),
        (All((Log("first"), Log())), "the obligation `first` is not known here", "caveat_veto"),
        (Spending("crd_1/a", Decimal(5), "USD"), "`amount` is not an amount that can be counted", "caveat_veto"),
        (Within(Permission.parse("kv:get")), "it is for `kv:get`", "caveat_veto"),
        (Unreadable(None), "a caveat cannot be read", "caveat_unreadable"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_veto_says_why(caveat: Caveat, detail: str, code: str) -> None:
    assert caveat.veto(attempt()) == Veto(code, detail)


def test_an_address_outside_and_a_currency_apart() -> None:
    outside = Networks.of("10.0.0.0/8").veto(attempt(source="11.0.0.1"))
    assert outside == Veto("caveat_veto", "the caller's address is outside the allowed networks")
    budget = Spending("crd_1/a", Decimal(5), "USD")
    assert budget.veto(attempt(properties='{"amount":1,"currency":"EUR"}')) == Veto(
        "caveat_veto", "the budget is in USD"
    )


def test_meters_never_veto_and_ask_for_a_reservation() -> None:
    access = attempt(properties='{"amount":3,"currency":"USD","order":{"total":7}}')
    calls, use = Calls("crd_1/a", 5).reservation(access), SingleUse("crd_1/a").reservation(access)
    rate = Rate("crd_1/a", 5, 1000).reservation(access)
    spent = Spending("crd_1/a", Decimal(100), "USD").reservation(access)
    deep = Spending("crd_1/a", Decimal(100), "USD", ("order", "total"), None).reservation(access)
    assert [(r.meter, r.kind, int(r.limit), int(r.cost), r.period) for r in (calls, use, rate, spent, deep)] == [
        ("crd_1/a/calls", MeterKind.TOTAL, 5, 1, None),
        ("crd_1/a/use", MeterKind.TOTAL, 1, 1, None),
        ("crd_1/a/rate/1000", MeterKind.RATE, 5, 1, 1000),
        ("crd_1/a/spent/USD/amount", MeterKind.TOTAL, 100, 3, None),
        ("crd_1/a/spent/USD/order.total", MeterKind.TOTAL, 100, 7, None),
    ]
    for meter in (Calls("crd_1/a", 5), SingleUse("crd_1/a"), Rate("crd_1/a", 5, 1000)):
        assert meter.veto(access) is None
        assert meter.may_hold(partly())


def test_what_cannot_be_counted_would_cost_everything() -> None:
    budget = Spending("crd_1/a", Decimal(100), "USD")
    for properties in ('{"amount":-1,"currency":"USD"}', '{"amount":"1","currency":"USD"}', '{"amount":1}', "{}"):
        assert budget.veto(attempt(properties=properties)) is not None
        assert budget.reservation(attempt(properties=properties)).cost == 100
    assert budget.veto(attempt(properties='{"amount":0,"currency":"USD"}')) is None


def test_in_a_listing_an_amount_may_still_come_and_a_known_one_is_judged() -> None:
    budget = Spending("crd_1/a", Decimal(100), "USD")
    assert budget.may_hold(partly())
    assert budget.may_hold(partly(properties='{"amount":5,"currency":"USD"}'))
    assert budget.may_hold(partly(open_properties=frozenset({"amount", "currency"})))
    assert not budget.may_hold(partly(properties='{"amount":-5}'))
    assert not budget.may_hold(partly(properties='{"currency":"EUR"}'))
    assert not budget.may_hold(partly(open_properties=frozenset({"currency"})))
    assert not budget.may_hold(partly(open_properties=frozenset({"amount"})))
    plain = Spending("crd_1/a", Decimal(100), "USD", unit=None)
    assert plain.may_hold(partly(open_properties=frozenset({"amount"})))
    assert not plain.may_hold(partly(open_properties=frozenset({"total"})))


def test_a_meter_belongs_to_the_credential_that_introduced_it() -> None:
    key = meter_key(CredentialId("crd_1"), "refunds")
    assert key == "crd_1/refunds"
    assert introduced_by(key) == "crd_1"
    assert introduced_by(Calls(key, 5).reservation(attempt()).meter) == "crd_1"
    with pytest.raises(Malformed, match="a meter's key is the credential that introduced it, a slash and a name"):
        meter_key(CredentialId("crd/1"), "refunds")


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("9.255.255.255", False),
        ("11.0.0.0", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("2001:db8::", True),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db9::", False),
        ("2001:db8::%1", False),
        ("10.0.0.1 ", False),
        ("010.0.0.1", False),
        ("10.0.0.1/32", False),
        ("10.1", False),
        ("", False),
        ("localhost", False),
        (None, False),
    ],
)
def test_addresses(source: str | None, *, inside: bool) -> None:
    networks = Networks.of("10.0.0.0/8", "2001:db8::/32")
    assert (networks.veto(attempt(source=source)) is None) == inside
    assert networks.may_hold(partly(source=source)) == (inside or source is None)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        (1_774_738_800_000, False),  # Sunday 2026-03-29, 00:00 in Berlin
        (1_774_745_940_000, True),  # 01:59, winter
        (1_774_746_000_000, False),  # 03:00, summer: the hour from two to three does not exist
        (1_774_742_400_000, True),  # 01:00
        (1_774_742_399_999, False),  # a millisecond earlier
        (1_792_879_200_000, False),  # Sunday 2026-10-25, 00:00 in Berlin
        (1_792_886_400_000, True),  # 02:00, summer
        (1_792_890_000_000, True),  # 02:00 again, winter
        (1_792_893_600_000, False),  # 03:00
        (0, False),
        (-(10**15), False),
        (10**30, False),
        (-(10**30), False),
        (253_402_300_799_999, False),
    ],
)
def test_windows_follow_the_clock_on_the_wall(at: int, *, inside: bool) -> None:
    weekly = Weekly.of("Europe/Berlin", "sun 01:00-03:00")
    assert (weekly.veto(attempt(at=at)) is None) == inside
    assert weekly.may_hold(partly(at=at)) == inside


def test_an_instant_beyond_every_calendar_is_in_no_window() -> None:
    always = Weekly.of("UTC", *(f"{day} 00:00-24:00" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")))
    assert always.veto(attempt()) is None
    assert always.veto(attempt(at=10**30)) == Veto("caveat_veto", "the instant is beyond every calendar")


def test_windows_print_as_they_are_read() -> None:
    for text in ("mon 00:00-24:00", "sun 09:05-17:30"):
        assert str(Window.parse(text)) == text


@pytest.mark.parametrize(
    ("caveat", "unknown", "right", "wrong"),
    [
        (Networks.of("10.0.0.0/8"), {}, {"source": "10.0.0.1"}, {"source": "11.0.0.1"}),
        (Audience(frozenset("a")), {}, {"audience": "a"}, {"audience": "b"}),
        (SubjectKey("a"), {}, {"proof_key": "a"}, {"proof_key": "b"}),
        (Purpose(frozenset("a")), {}, {"purpose": "a"}, {"purpose": "b"}),
        (Approved(frozenset("a")), {}, {"approved_by": frozenset("a")}, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_in_a_listing_the_unknown_is_maybe(
    caveat: Caveat, unknown: dict[str, Any], right: dict[str, Any], wrong: dict[str, Any] | None
) -> None:
    assert caveat.veto(attempt(**unknown)) is not None
    assert caveat.may_hold(partly(**unknown))
    assert caveat.veto(attempt(**right)) is None
    assert caveat.may_hold(partly(**right))
    assert wrong is None or not caveat.may_hold(partly(**wrong))


@pytest.mark.parametrize(
    "caveat",
    [Attested(frozenset("a")), Log(), Expires(NOW), NotBefore(Instant(NOW + 1)), Weekly.of("UTC", "mon 00:00-24:00")],
    ids=lambda value: type(value).__name__,
)
def test_in_a_listing_the_clock_the_evidence_and_the_verifier_are_known(caveat: Caveat) -> None:
    assert not caveat.may_hold(partly())
    assert not All((caveat, Approved())).may_hold(partly())
    assert All((Approved(), SingleUse("crd_1/a"))).may_hold(partly())


def test_a_run_that_is_not_known_yet_may_be_the_right_one() -> None:
    assert Run(RunId("run_1")).may_hold(partly())
    assert Run(RunId("run_1")).veto(attempt(run="run_1")) is None
    assert Run(RunId("run_1")).veto(attempt(run="run_2")) is not None


def nested(depth: int) -> Caveat:
    caveat: Caveat = Log()
    for _ in range(depth):
        caveat = All((caveat,))
    return caveat


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Expires(Instant(-1)), "an instant has to be whole milliseconds between 1970 and 9999"),
        (
            lambda: NotBefore(Instant(253_402_300_800_000)),
            "an instant has to be whole milliseconds between 1970 and 9999",
        ),
        (lambda: Expires(Instant(True)), "an instant has to be whole milliseconds between 1970 and 9999"),
        (lambda: Expires(1.5), "an instant has to be whole milliseconds between 1970 and 9999"),  # type: ignore[arg-type]
        (lambda: Weekly.of("Berlin!", "mon 00:00-24:00"), "a time zone is an IANA name such as Europe/Berlin"),
        (lambda: Weekly.of("../../etc/passwd", "mon 00:00-24:00"), "a time zone is an IANA name such as Europe/Berlin"),
        (lambda: Weekly.of("/etc/localtime", "mon 00:00-24:00"), "a time zone is an IANA name such as Europe/Berlin"),
        (lambda: Weekly.of("Europe", "mon 00:00-24:00"), "the time zone `Europe` is not known here"),
        (lambda: Weekly.of("Europe/Atlantis", "mon 00:00-24:00"), "the time zone `Europe/Atlantis` is not known here"),
        (lambda: Weekly.of("UTC", "mon 24:01-24:00"), "a window is written like `mon 09:00-17:30`"),
        (lambda: Weekly.of("UTC", "Mon 09:00-10:00"), "a window is written like `mon 09:00-17:30`"),
        (lambda: Weekly.of("UTC", "mon 9:00-10:00"), "a window is written like `mon 09:00-17:30`"),
        (lambda: Weekly.of("UTC", "mon 09:00-10:00\n"), "a window is written like `mon 09:00-17:30`"),
        (lambda: Weekly.of("UTC"), "one to 64 windows have to be named"),
        (lambda: Weekly.of("UTC", "mon 09:00-24:01"), "a window has to end after it starts, within its day"),
        (lambda: Weekly.of("UTC", "mon 09:00-09:00"), "a window has to end after it starts, within its day"),
        (lambda: Weekly("UTC", (Window(7, 0, 1),)), "a window has to end after it starts, within its day"),
        (lambda: Weekly("UTC", (Window(0, -1, 1),)), "a window has to end after it starts, within its day"),
        (
            lambda: Weekly.of("UTC", "mon 09:00-10:00", "mon 10:00-11:00"),
            "windows have to be sorted, with time between them",
        ),
        (
            lambda: Weekly("UTC", (Window(1, 0, 1), Window(0, 0, 1))),
            "windows have to be sorted, with time between them",
        ),
        (Networks.of, "networks: expected one to 64"),
        (lambda: Networks.of("10.0.0.1/8"), "a network is written address/prefix, with no bit set beyond the prefix"),
        (lambda: Networks.of("ten"), "a network is written address/prefix, with no bit set beyond the prefix"),
        (
            lambda: Networks((ip_network("11.0.0.0/8"), ip_network("10.0.0.0/8"))),
            "networks have to be different, and sorted by version and address",
        ),
        (
            lambda: Networks(("10.0.0.0/8",)),  # type: ignore[arg-type]
            "networks have to be different, and sorted by version and address",
        ),
        (lambda: Audience(frozenset()), "audience: expected one to 64"),
        (lambda: Audience(frozenset(map(str, range(65)))), "audience: expected one to 64"),
        (lambda: Audience(frozenset({"e\u0301"})), "audience: expected 1 to 256 characters of canonical text"),
        (lambda: Audience(frozenset({""})), "audience: expected 1 to 256 characters of canonical text"),
        (lambda: Audience(frozenset({"a" * 257})), "audience: expected 1 to 256 characters of canonical text"),
        (lambda: Run(RunId("")), "run: expected 1 to 256 characters of canonical text"),
        (lambda: SubjectKey("\n"), "subject key: expected 1 to 256 characters of canonical text"),
        (lambda: Attested(frozenset()), "evidence: expected one to 64"),
        (lambda: Approved(frozenset()), "approvers: expected one to 64"),
        (lambda: Purpose(frozenset()), "purposes: expected one to 64"),
        (lambda: Log(""), "obligation: expected 1 to 256 characters of canonical text"),
        (lambda: All(()), "a conjunction has 1 to 64 parts, at most 8 deep"),
        (lambda: All((Log(),) * 65), "a conjunction has 1 to 64 parts, at most 8 deep"),
        (lambda: All((All((Log(),) * 33), All((Log(),) * 32))), "a conjunction has 1 to 64 parts, at most 8 deep"),
        (partial(nested, 9), "a conjunction has 1 to 64 parts, at most 8 deep"),
        (lambda: Calls("a", 1), "a meter's key is the credential that introduced it, a slash and a name"),
        (lambda: Calls("crd_1/A", 1), "a meter's key is the credential that introduced it, a slash and a name"),
        (lambda: Calls("crd_1/a/b", 1), "a meter's key is the credential that introduced it, a slash and a name"),
        (lambda: Calls("crd_1/a\n", 1), "a meter's key is the credential that introduced it, a slash and a name"),
        (lambda: SingleUse(""), "a meter's key is the credential that introduced it, a slash and a name"),
        (lambda: Calls("crd_1/a", 0), "calls: expected a whole number from 1 to 1000000000000"),
        (lambda: Calls("crd_1/a", 1_000_000_000_001), "calls: expected a whole number from 1 to 1000000000000"),
        (lambda: Calls("crd_1/a", True), "calls: expected a whole number from 1 to 1000000000000"),
        (lambda: Rate("crd_1/a", 0, 1), "calls: expected a whole number from 1 to 1000000000000"),
        (lambda: Rate("crd_1/a", 1, 0), "the period: expected a whole number from 1 to 31622400000"),
        (lambda: Spending("crd_1/a", Decimal(0), "USD"), "spending needs a limit above zero"),
        (lambda: Spending("crd_1/a", Decimal("NaN"), "USD"), "spending needs a limit above zero"),
        (lambda: Spending("crd_1/a", Decimal("Infinity"), "USD"), "spending needs a limit above zero"),
        (lambda: Spending("crd_1/a", 5, "USD"), "spending needs a limit above zero"),  # type: ignore[arg-type]
        (lambda: Spending("crd_1/a", Decimal("1e401"), "USD"), "spending: the exponent of `1e+401` is beyond 400"),
        (
            lambda: Spending("crd_1/a", Decimal(5), ""),
            "spending needs a currency and the property that holds the amount",
        ),
        (
            lambda: Spending("crd_1/a", Decimal(5), "U/D"),
            "spending needs a currency and the property that holds the amount",
        ),
        (lambda: Spending("crd_1/a", Decimal(5), "USD", ()), "spending: `` is not the name of a property"),
        (lambda: Spending("crd_1/a", Decimal(5), "USD", unit=("",)), "spending: `` is not the name of a property"),
    ],
)
def test_what_cannot_be_is_not_made(make: Callable[[], Caveat], message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        make()
    assert (refusal.value.code, refusal.value.message) == ("malformed_caveat", message)


def test_bounds_are_within_what_they_bound() -> None:
    last = Expires(Instant(253_402_300_799_999))
    assert parse_caveat(write_caveat(last)) == last
    first = NotBefore(Instant(0))
    assert parse_caveat(write_caveat(first)) == first
    hours = [f"{day} {hour:02}:00-{hour:02}:30" for day in ("mon", "tue", "wed", "thu") for hour in range(16)]
    assert len(Weekly.of("UTC", *hours).windows) == 64
    with pytest.raises(Malformed):
        Weekly.of("UTC", *hours, "sun 00:00-00:01")
    assert len(Audience(frozenset(map(str, range(64)))).names) == 64
    assert Log("x" * 256).obligation == "x" * 256
    assert Calls("crd_1/a", 1_000_000_000_000).limit == 1_000_000_000_000
    assert Rate("crd_1/a", 1, 31_622_400_000).period == 31_622_400_000
    assert Spending("crd_1/a", Decimal("0.01"), "USD").limit == Decimal("0.01")


def test_a_conjunction_lets_through_what_all_of_its_parts_let_through() -> None:
    both = All((Log(), Expires(Instant(NOW + 1))))
    assert both.veto(attempt(honoured=frozenset({"log"}))) is None
    assert both.veto(attempt()) is not None


def test_a_conjunction_as_deep_and_as_long_as_the_bound() -> None:
    assert parse_caveat(write_caveat(nested(8))) == nested(8)
    assert parse_caveat(write_caveat(All((Log(),) * 64))) == All((Log(),) * 64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("null", "a caveat is written as an array that begins with its number"),
        ("[]", "a caveat is written as an array that begins with its number"),
        ('"expires"', "a caveat is written as an array that begins with its number"),
        ("{}", "a caveat is written as an array that begins with its number"),
        ('["1",5]', "a caveat's number: expected a whole number"),
        ("[true,5]", "a caveat's number: expected a whole number"),
        ("[1.5,5]", "a caveat's number: expected a whole number"),
        ("[-1,5]", "a caveat's number: expected a whole number"),
        ("[0]", "no caveat has the number 0"),
        ("[999]", "no caveat has the number 999"),
        ("[1]", "the caveat 1 does not have 0 fields"),
        ("[1,5,6]", "the caveat 1 does not have 2 fields"),
        ('[1,"5"]', "an instant: expected a whole number"),
        ("[1,5.5]", "an instant: expected a whole number"),
        ("[1,-5]", "an instant: expected a whole number"),
        ("[2,null]", "an instant: expected a whole number"),
        ("[3,1,[]]", "weekly windows need a zone and a list"),
        ('[3,"UTC","mon 09:00-10:00"]', "weekly windows need a zone and a list"),
        ('[3,"UTC",[5]]', "a window is a text"),
        ('[4,"10.0.0.0/8"]', "networks: expected a list"),
        ("[4,[5]]", "networks: expected a list of different texts"),
        ('[4,["10.0.0.0/8","10.0.0.0/8"]]', "networks: expected a list of different texts"),
        ('[4,["11.0.0.0/8","10.0.0.0/8"]]', "networks have to be in canonical form"),
        ('[4,["10.0.0.0/255.0.0.0"]]', "networks have to be in canonical form"),
        ('[5,["b","a"]]', "the caveat 5 is not in canonical form"),
        ('[5,"a"]', "audience: expected a list"),
        ("[6,5]", "run: expected a text"),
        ("[7,null]", "subject key: expected a text"),
        ('[8,"a"]', "evidence: expected a list"),
        ('[9,"a"]', "approvers: expected a list"),
        ("[10,[[]]]", "purposes: expected a list of different texts"),
        ("[11,5]", "obligation: expected a text"),
        ('[12,"a"]', "a conjunction is a list of caveats"),
        ("[12,[[99]]]", "no caveat has the number 99"),
        ("[13,5,5]", "meter: expected a text"),
        ("[14,5]", "meter: expected a text"),
        ('[15,5,5,"USD","amount","currency"]', "meter: expected a text"),
        ("[16,5,5,5]", "meter: expected a text"),
        ('[16,"crd_1/a","5",5]', "calls: expected a whole number"),
        ('[13,"crd_1/a","5"]', "calls: expected a whole number"),
        ('[15,"crd_1/a","5","USD","amount","currency"]', "spending needs a limit, a currency and a property"),
        ('[15,"crd_1/a",5,null,"amount","currency"]', "spending needs a limit, a currency and a property"),
        ('[15,"crd_1/a",5,"USD",null,"currency"]', "spending needs a limit, a currency and a property"),
        ('[15,"crd_1/a",5,"USD","amount",5]', "spending needs a currency's property or null"),
        ('[15,"crd_1/a",5,"USD","a..b","currency"]', "`a..b` is not the name of a property"),
        ('[16,"crd_1/a",5,null]', "the period: expected a whole number"),
        ("[17,5]", "a permission is written as a scope"),
        ('[17,"kv"]', "the scope `kv` is malformed: a scope begins with type:action, in lower case"),
    ],
)
def test_what_cannot_be_read_says_why_and_vetoes(text: str, message: str) -> None:
    value = exact.read(text)
    with pytest.raises(Malformed) as refusal:
        parse_caveat(value)
    assert (refusal.value.code, refusal.value.message) == ("malformed_caveat", message)
    unreadable = read_caveat(value)
    assert unreadable == Unreadable(value)
    assert unreadable.veto(attempt()) is not None
    assert not unreadable.may_hold(partly())
    assert write_caveat(unreadable) == value
    assert unreadable.implies(read_caveat(value))


def test_a_conjunction_nested_without_end_is_unreadable_and_nothing_breaks() -> None:
    value: Json = (Decimal(11), "log")
    for _ in range(5000):
        value = (Decimal(12), (value,))
    unreadable = read_caveat(value)
    assert unreadable.veto(attempt()) == Veto("caveat_unreadable", "a caveat cannot be read")
    assert unreadable == unreadable  # noqa: PLR0124 - comparing must not recurse without end
    hash(unreadable)


def test_what_cannot_be_read_is_the_same_only_if_it_is_written_the_same() -> None:
    assert Unreadable((Decimal(99), Decimal(1))) != Unreadable((Decimal(99), True))
    assert Unreadable({"a": Decimal("1.0"), "b": None}) == Unreadable({"b": None, "a": Decimal(1)})
    assert Unreadable(Decimal("NaN")) != Unreadable(Decimal("NaN"))
    assert Unreadable("x") != "x"
    assert len({Unreadable({"a": "b"}), Unreadable({"a": "b"}), Unreadable("c")}) == 2
