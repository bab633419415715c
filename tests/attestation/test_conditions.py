"""What a condition on a claim means, and that it has one spelling."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.attestation.conditions import Condition
from gatepass.errors import Malformed

NESTED = {"kubernetes.io": {"serviceaccount": {"uid": "u-1"}}, "oidc.circleci.com/project-id": "p", "a/b": "c"}


@pytest.mark.parametrize(
    ("text", "claims", "holds"),
    [
        ("sub=a", {"sub": "a"}, True),
        ("sub=a", {"sub": "A"}, False),
        ("sub=a", {}, False),
        ("sub=a", {"sub": ("a",)}, False),
        ("sub=a", {"sub": None}, False),
        ("sub=a|b", {"sub": "b"}, True),
        ("sub=a%7Cb", {"sub": "a|b"}, True),
        ("sub=*", {"sub": "a"}, False),
        ("sub=*", {"sub": "*"}, True),
        ("n=#7", {"n": Decimal(7)}, True),
        ("n=#7", {"n": "7"}, False),
        ("n=7", {"n": Decimal(7)}, False),
        ("n=#1", {"n": True}, False),
        ("n=#true", {"n": True}, True),
        ("n=#true", {"n": Decimal(1)}, False),
        ("n=%23true", {"n": "#true"}, True),
        ("n=%23true", {"n": True}, False),
        ("sub~a:*", {"sub": "a:b:c"}, True),
        ("sub~a:*", {"sub": "a"}, False),
        ("sub~a:*", {"sub": "a/b"}, False),
        ("sub~a:*:c", {"sub": "a:b:b:c"}, False),
        ("sub~x|a:*", {"sub": "x"}, True),
        ("sub~a:*", {"sub": "a::b"}, False),
        ("sub~a:*", {"sub": "a:../b"}, False),
        ("sub~a:b@1/c@2:*", {"sub": "a:b@1/c@2:ref"}, True),
        ("/kubernetes.io/serviceaccount/uid=u-1", NESTED, True),
        ("kubernetes.io=u-1", NESTED, False),
        ("oidc.circleci.com/project-id=p", NESTED, True),
        ("/a%7E1b=c", NESTED, True),
    ],
)
def test_what_holds(text: str, claims: dict[str, object], holds: bool) -> None:  # noqa: FBT001
    condition = Condition.parse(text)
    assert condition.holds(claims) is holds  # type: ignore[arg-type]
    assert str(condition) == text


@pytest.mark.parametrize(
    "text",
    ["", "sub", "=a", "~a", "sub=", "sub=a|", "sub=a|a", "sub=%41", "sub=%7c", "sub=%", "sub!=a", "a b=c", "/=a",
     "/a//b=c", "/a/b/c/d/e/f/g/h/i=x", "sub~a*", "sub~", "sub~a|a", "sub=#", "sub=#07", "sub=#1.0", "sub=#null",
     "sub=#{}", "sub=a\nb", "sub=e\u0301", "sub=" + "a" * 4096, "sub=" + "|".join(map(str, range(65)))],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Condition.parse(text)
    assert refusal.value.code == "malformed_trust_rule"


@given(st.text(max_size=40))
def test_a_condition_has_one_spelling(text: str) -> None:
    try:
        condition = Condition.parse(text)
    except Malformed:
        return
    assert str(condition) == text
    assert Condition.parse(str(condition)) == condition


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20))
def test_a_value_is_itself_and_nothing_else(value: str) -> None:
    spelled = value.replace("%", "%25").replace("|", "%7C")
    spelled = f"%23{spelled[1:]}" if spelled.startswith("#") else spelled
    try:
        condition = Condition.parse(f"sub={spelled}")
    except Malformed:
        return
    assert condition.holds({"sub": value})
    assert not condition.holds({"sub": value + "x"})
