"""Whatever is sent, reading it ends in the shape or in an error of ours that repeats nothing."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import example, given
from hypothesis import strategies as st

from gatepass.errors import Error
from gatepass.web.app import _HEADER_ONLY, _MANAGEMENT, _MCP, _REST
from gatepass.web.hosts import Audience, Hosts
from gatepass.web.management.reading import Form, read_bearer, read_form, read_query
from gatepass.web.management.router import OPERATIONS

BODIES = sorted({one.body for one in OPERATIONS if one.body is not None}, key=lambda shape: shape.__name__)
QUERIES = sorted({one.query for one in OPERATIONS}, key=lambda shape: shape.__name__)
OURS = sorted({name for shape in BODIES for name in shape.model_fields})
HOSTS = Hosts(agents=frozenset({"127.0.0.1"}), people=frozenset({"localhost"}))
CANARY = "canary-5f2c9a"

Read = TypeVar("Read")

names = st.sampled_from([*OURS, "extra", "", "__class__", "a.b"])
scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["read", "rest", "x", "\ud800"])
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(names, scalars, max_size=3)
objects = st.dictionaries(names, values, max_size=6)


def came_of(reading: Callable[[], Read]) -> Read | Error:
    """What was read, or the error that said why not: one printable line."""
    try:
        return reading()
    except Error as error:
        return error


def text(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@given(shape=st.sampled_from(BODIES), value=objects)
def test_any_json_object_is_read_or_refused(shape: type[Form], value: dict[str, Any]) -> None:
    read = came_of(lambda: read_form(text(value), shape))
    if isinstance(read, Error):
        assert read.message.isprintable()
    else:
        assert isinstance(read[0], shape)
        assert isinstance(read[1], dict)
        assert set(read[1]) <= set(shape.model_fields)


@given(shape=st.sampled_from(BODIES), body=st.binary(max_size=200))
@example(shape=BODIES[0], body=b"[" * 100_000)
@example(shape=BODIES[0], body=b'{"a":' * 100_000)
@example(shape=BODIES[0], body=b"1" * 5000)
@example(shape=BODIES[0], body=b'{"role": ' + b"9" * 5000 + b"}")
def test_any_bytes_are_read_or_refused(shape: type[Form], body: bytes) -> None:
    read = came_of(lambda: read_form(body, shape))
    assert not isinstance(read, Error) or read.message.isprintable()


@given(shape=st.sampled_from(BODIES), value=objects, name=names)
def test_no_error_repeats_a_value_or_a_name_that_is_not_ours(
    shape: type[Form], value: dict[str, Any], name: str
) -> None:
    for told in ({**value, name: CANARY}, {**value, name: [CANARY, {CANARY: CANARY}]}, {**value, CANARY: 1}):
        read = came_of(lambda told=told: read_form(text(told), shape))  # type: ignore[misc]
        assert not isinstance(read, Error) or CANARY not in read.message + read.hint


@given(
    shape=st.sampled_from(QUERIES),
    query=st.binary(max_size=100) | st.text(alphabet="ab=&%;+ 0", max_size=40).map(str.encode),
)
@example(shape=QUERIES[0], query=b"cursor=%00")
@example(shape=QUERIES[0], query=b"limit=%d9%a3")
def test_any_query_is_read_or_refused(shape: type[Form], query: bytes) -> None:
    read = came_of(lambda: read_query(query, shape))
    assert not isinstance(read, Error) or read.message.isprintable()


@given(sent=st.lists(st.binary(max_size=60), max_size=3))
def test_any_credential_is_text_or_refused(sent: list[bytes]) -> None:
    read = came_of(lambda: read_bearer([(b"authorization", value) for value in sent]))
    assert read is None or isinstance(read, str) or read.code == "credential_invalid"


@given(path=st.binary(max_size=60) | st.text(alphabet="/u.%2f-aA1mcpkiv", max_size=30).map(str.encode))
@example(path=b"/u/a")
@example(path=b"/api/v1/a")
def test_a_path_has_one_owner_at_most_and_names_are_plain(path: bytes) -> None:
    owners = [found for rule in (_REST, _MCP, _HEADER_ONLY, _MANAGEMENT) if (found := rule.fullmatch(path))]
    assert len(owners) <= 1
    if owners and owners[0].re is _MANAGEMENT:
        assert not any(trick in path for trick in (b"%", b";", b"\\", b"//"))
        assert not any(segment in {b".", b".."} for segment in path.split(b"/"))
    elif owners:
        name = owners[0][1].decode("ascii")
        assert name.replace("-", "").replace(".", "").isalnum()
        assert name == name.lower()
        assert ".." not in name


@given(sent=st.lists(st.binary(max_size=40) | st.sampled_from([b"localhost", b"127.0.0.1:1"]), max_size=2))
def test_only_our_own_names_are_ours(sent: list[bytes]) -> None:
    for audience in Audience:
        refused = came_of(lambda audience=audience: HOSTS.require([(b"host", each) for each in sent], audience))  # type: ignore[misc]
        if refused is None:
            assert [value.lower().strip().partition(b":")[0] for value in sent] in ([b"localhost"], [b"127.0.0.1"])
        else:
            assert refused.code == "misdirected"
