"""Rich authorization details: requests may name classes, permissions may not, and a refusal says why."""

import pytest

from gatepass import exact
from gatepass.authority import Permission, from_details, scopes_from_details, to_details
from gatepass.errors import Malformed


def test_a_request_may_name_a_class_or_everything() -> None:
    asked = exact.read('{"type":"kv","actions":["read","*"],"identifier":"a:*","limits":{"n":{"<=":5}}}')
    assert [str(scope) for scope in scopes_from_details(asked)] == ["kv:read:a:*?n<=5", "kv:*:a:*?n<=5"]
    for scope in scopes_from_details(asked):
        assert scopes_from_details(to_details(scope)) == (scope,)
    with pytest.raises(Malformed, match=r"an action is named here, never `\*`"):
        from_details(asked)


def test_details_are_written_in_order_and_without_empty_members() -> None:
    permission = Permission.parse("kv:get?a!=x&a!=y&b=p|q|#1&c<5&c>0&d~x:*")
    assert exact.write(to_details(permission)).decode() == (
        '{"actions":["get"],"limits":{"a":{"!=":["x","y"]},"b":{"=":["p","q",1]},"c":{"<":5,">":0},"d":{"~":"x:*"}},"type":"kv"}'
    )
    assert to_details(Permission.parse("kv:get?m=y&n!=x"))["limits"] == {"m": {"=": "y"}, "n": {"!=": "x"}}
    assert to_details(Permission.parse("kv:get")) == {"type": "kv", "actions": ("get",)}
    assert exact.write(to_details(Permission.parse("kv:get?n!=#1&n!=#2&n<=9"))).decode() == (
        '{"actions":["get"],"limits":{"n":{"!=":[1,2],"<=":9}},"type":"kv"}'
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "it is not an object"),
        ('{"type":"kv","actions":["get"],"b":1,"a":2}', "the member `a` is not known"),
        ('{"type":"kv","actions":["get"],"\\u202e":1}', "the member `\\u202e` is not known"),
        ('{"actions":["get"]}', "`type` has to be a string"),
        ('{"type":5,"actions":["get"]}', "`type` has to be a string"),
        ('{"type":"kv"}', "`actions` has to be an array of 1 to 256 names"),
        ('{"type":"kv","actions":"get"}', "`actions` has to be an array of 1 to 256 names"),
        ('{"type":"kv","actions":[]}', "`actions` has to be an array of 1 to 256 names"),
        ('{"type":"kv","actions":["get",5]}', "`actions` has to be an array of different names"),
        ('{"type":"kv","actions":["get","get"]}', "`actions` has to be an array of different names"),
        ('{"type":"kv","actions":["get","*"]}', "an action is named here, never `*`"),
        ('{"type":"Kv","actions":["get"]}', "a type and an action are names in lower case"),
        ('{"type":"kv","actions":["get"],"identifier":5}', "`identifier` has to be a string"),
        (
            '{"type":"kv","actions":["get"],"identifier":"a//b"}',
            "the pattern `a//b` is malformed: it has an empty segment",
        ),
        (
            '{"type":"kv","actions":["get"],"limits":{}}',
            "`limits` has to be an object with members; leave it out where there are none",
        ),
        (
            '{"type":"kv","actions":["get"],"limits":[]}',
            "`limits` has to be an object with members; leave it out where there are none",
        ),
        ('{"type":"kv","actions":["get"],"limits":{"n":{}}}', "the limits of `n` have to be an object of operators"),
        ('{"type":"kv","actions":["get"],"limits":{"n":5}}', "the limits of `n` have to be an object of operators"),
        ('{"type":"kv","actions":["get"],"limits":{"a..b":{"=":5}}}', "`a..b` is not the name of a property"),
        ('{"type":"kv","actions":["get"],"limits":{"n":{"<":"5"}}}', "the limits of `n`: it needs a number"),
        ('{"type":"kv","actions":["get"],"limits":{"n":{"=":[]}}}', "the limits of `n`: it needs one to 64 values"),
        ('{"type":"kv","actions":["get"],"limits":{"n":{"<":5,">":6}}}', "no value of `n` can satisfy its limits"),
    ],
)
def test_a_malformed_detail_says_why(text: str, why: str) -> None:
    with pytest.raises(Malformed) as refusal:
        from_details(exact.read(text))
    assert refusal.value.code == "malformed_details"
    assert refusal.value.message == f"the authorization detail is malformed: {why}"


@pytest.mark.parametrize(("count", "accepted"), [(256, True), (257, False)])
def test_a_detail_names_so_many_actions(count: int, *, accepted: bool) -> None:
    details = exact.read('{"type":"kv","actions":[' + ",".join(f'"a{n}"' for n in range(count)) + "]}")
    if accepted:
        assert len(from_details(details)) == count
        return
    with pytest.raises(Malformed):
        from_details(details)
