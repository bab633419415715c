"""An origin has one spelling, and what two parsers could read differently has none."""

from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from yarl import URL

from gatepass.access import UpstreamId
from gatepass.errors import Malformed
from gatepass.keys import origin_of

ID = UpstreamId("ups_1")


@dataclass(frozen=True)
class Place:
    target: str
    kind: str = "rest"
    id: UpstreamId = ID


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        ("https://api.example", "https://api.example:443"),
        ("https://api.example/", "https://api.example:443"),
        ("https://api.example:443/v1", "https://api.example:443"),
        ("http://api.example/v1", "http://api.example:80"),
        ("http://api.example:8080", "http://api.example:8080"),
        ("HTTPS://API.Example/V1", "https://api.example:443"),
        ("http://localhost:9000/mcp", "http://localhost:9000"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://[0:0:0:0:0:0:0:1]:9000", "http://[::1]:9000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example:443"),
        ("http://my_service:80", "http://my_service:80"),
    ],
)
def test_one_origin_one_spelling(target: str, origin: str) -> None:
    assert origin_of(Place(target)) == origin


@pytest.mark.parametrize(
    "target",
    [
        "",
        "api.example",
        "//api.example",
        "ftp://api.example",
        "https://",
        "https:///v1",
        "https://user@api.example",
        "https://user:pass@api.example",
        "https://api.example@evil.example",
        "https://api.example\\@evil.example",
        "https://api.example\\.evil.example",
        "https://api.example#@evil.example",
        "https://api.example?@evil.example",
        "https://api.example?key=1",
        "https://api.example/#top",
        "https://api.example /",
        " https://api.example",
        "https://api.example\n",
        "https://api.example\r\nHost: evil",
        "https://api.example\t",
        "https://api.example:0",
        "https://api.example:0443",
        "https://api.example:65536",
        "https://api.example:99999",
        "https://api.example:",
        "https://api.example:4 43",
        "https://api.example.",
        "https://.api.example",
        "https://api..example",
        "https://-api.example",
        "https://api-.example",
        "https://b\u00fccher.example",
        "https://api.ex\u0430mple",
        "https://api\u3002example",
        "https://%61pi.example",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0x7f.0.0.1",
        "http://0177.0.0.1",
        "http://127.0.0.01",
        "http://1.2.3.4.5",
        "http://256.0.0.1",
        "http://example.123",
        "http://[::1",
        "http://::1",
        "http://[::1%25eth0]",
        "http://[1.2.3.4]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:7f00:1]",
        "http://[]",
        "https://" + "a" * 64 + ".example",
        "https://api.example/" + "a" * 5000,
    ],
)
def test_what_could_be_read_in_two_ways_has_no_origin(target: str) -> None:
    with pytest.raises(Malformed) as refused:
        origin_of(Place(target))
    assert refused.value.code == "malformed_request"


def test_a_refusal_does_not_repeat_what_may_be_a_password() -> None:
    for target in ("https://user:hunter2@api.example", "https://api.example?key=hunter2", "https://a b#hunter2"):
        with pytest.raises(Malformed) as refused:
            origin_of(Place(target))
        assert "hunter2" not in refused.value.message


labels = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,8}[A-Za-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
addresses = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda address: f"[{address}]"))
mess = st.from_regex(r"[A-Za-z0-9._\[\]:%@\\/?#-]{1,30}", fullmatch=True)
rests = st.sampled_from(["", "/", "/v1", ":80", ":8080/x", ":443", "@evil.example", "/../x"])


@settings(max_examples=400)
@given(st.sampled_from(["http", "https", "HTTP"]), st.one_of(names, addresses, mess), rests)
def test_whoever_connects_reads_the_same_origin(scheme: str, host: str, rest: str) -> None:
    """A reader that is not ours names the same origin where we name one."""
    target = f"{scheme}://{host}{rest}"
    try:
        origin = origin_of(Place(target))
    except Malformed:
        event("refused")
        return
    event("named")
    url = URL(target, encoded=True)
    host_read = (url.host or "").lower()
    named = f"[{ip_address(host_read).compressed}]" if ":" in host_read else host_read
    assert f"{url.scheme.lower()}://{named}:{url.port}" == origin


def test_most_plausible_targets_have_an_origin() -> None:
    """The premise of the property above is met: names and addresses are not refused wholesale."""
    plausible = ["a", "a.b", "api-1.example", "10.0.0.1", "[2001:db8::1]", "x_y.z", "1a.example", "example.a1"]
    assert all(origin_of(Place(f"https://{host}/v1")) for host in plausible)


def test_the_origin_of_a_child_process_is_its_whole_command_line() -> None:
    one = origin_of(Place('["git-server", "--repo", "/srv/a"]', "mcp-stdio"))
    other = origin_of(Place('["git-server", "--repo", "/srv/b"]', "mcp-stdio"))
    assert one.startswith("stdio:")
    assert len(one) == len("stdio:") + 64
    assert one != other
    assert one != origin_of(Place("https://api.example", "rest"))


def test_a_command_line_is_never_read_as_an_address_nor_the_other_way_round() -> None:
    assert origin_of(Place("https://api.example", "mcp-stdio")).startswith("stdio:")
    with pytest.raises(Malformed):
        origin_of(Place('["git-server"]', "mcp-http"))
