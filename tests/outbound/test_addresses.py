"""Which addresses a target may turn out to be."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.outbound.addresses import Allowance, Reach, reach

NOBODYS = [
    "169.254.169.254",
    "169.254.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "0.0.0.0",  # noqa: S104  an address that nobody may connect to
    "::",
    "0.1.2.3",
    "240.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fe80::1%eth0",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", NOBODYS)
def test_some_addresses_are_nobodys_target(address: str) -> None:
    for host in ("api.example", "localhost", address, f"[{address}]"):
        for private in (False, True):
            assert not Allowance(host, private=private).admits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert Allowance("api.example").admits(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.0.1", "fd12:3456::1"])
def test_a_private_address_is_allowed_only_if_the_registration_says_so(address: str) -> None:
    assert not Allowance("api.example").admits(address)
    assert not Allowance("localhost").admits(address)
    assert Allowance("api.example", private=True).admits(address)
    assert Allowance(f"[{address}]" if ":" in address else address).admits(address)
    assert not Allowance("10.0.0.2").admits(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_is_allowed_only_by_that_address_or_as_localhost(address: str) -> None:
    assert not Allowance("api.example").admits(address)
    assert not Allowance("api.example", private=True).admits(address)
    assert not Allowance("localhost.example").admits(address)
    assert Allowance("localhost").admits(address)
    assert Allowance("orders.localhost").admits(address)
    assert Allowance(f"[{address}]" if ":" in address else address).admits(address)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_not_global_is_never_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if reach(address) is Reach.PUBLIC:
        assert address.is_global
        assert not address.is_private
