"""A certificate is believed from the proxies that were named, and its header goes no further from anybody."""

import base64
from ipaddress import ip_network

import pytest

from gatepass.errors import Malformed
from gatepass.web.certificates import NOBODY, CertificateProxies

PROXIES = CertificateProxies((ip_network("10.0.0.7/32"), ip_network("fd00::/64")))
DER = bytes(range(256)) * 2
SAID = (b"client-cert", b":" + base64.b64encode(DER) + b":")
CHAIN = (b"client-cert-chain", b":AAAA:")
OTHER = (b"host", b"127.0.0.1")


@pytest.mark.parametrize("source", ["10.0.0.7", "::ffff:10.0.0.7", "fd00::1"])
def test_a_named_proxy_is_believed(source: str) -> None:
    assert PROXIES.read([OTHER, SAID, CHAIN], source) == ((OTHER,), DER)
    assert PROXIES.read([OTHER, CHAIN], source) == ((OTHER,), None)
    assert PROXIES.read([OTHER], source) == ((OTHER,), None)


@pytest.mark.parametrize("source", ["10.0.0.8", "127.0.0.1", "fd00:0:0:1::1", "fe80::1%eth0", "", "a name", "::1"])
def test_everybody_elses_header_is_dropped(source: str) -> None:
    for headers in ([SAID, OTHER], [OTHER, SAID, SAID], [(b"client-cert", b"rubbish"), OTHER], [CHAIN, OTHER]):
        assert PROXIES.read(headers, source) == ((OTHER,), None)
    assert NOBODY.read([SAID, OTHER], source) == ((OTHER,), None)


WRONG = [
    b"",
    b"::",
    b":A:",
    b":AAA:",
    b":AAAA:;a=1",
    b"AAAA",
    b":AA-_:",
    b":AAAA:, :AAAA:",
    b":AA AA:",
    b":%2D%2D:",
    b":=:",
    b":" + b"A" * 20_000 + b":",
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: value[:12].decode())
def test_a_proxy_that_is_set_up_wrongly_is_refused(value: bytes) -> None:
    with pytest.raises(Malformed):
        PROXIES.read([(b"client-cert", value)], "10.0.0.7")


def test_two_certificates_are_none() -> None:
    with pytest.raises(Malformed):
        PROXIES.read([SAID, SAID], "10.0.0.7")
