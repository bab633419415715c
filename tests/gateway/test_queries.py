"""A query's parameters, trap by trap: what could be read in two ways is refused, and says why to the letter."""

import pytest

from gatepass.errors import Malformed
from gatepass.gateway.rest.paths import read_query

ODD = "the query holds `;`, a malformed escape, or a byte that has to be escaped"
TRAPS = {
    b"a=1&a=2": "the query has `a` more than once",
    b"a=1&%61=2": "the query has `a` more than once",
    b"a": "the query has a parameter that is not `name=value`",
    b"a=1&": "the query has a parameter that is not `name=value`",
    b"=1": "the query has a parameter that is not `name=value`",
    b"a=1;b=2": ODD,
    b"a=%2": ODD,
    b"a=\xc3\xa9": ODD,
    b"a=1+2": "the query holds `+`: write a space as `%20`, a plus as `%2B`",
    b"a=%2541": "the query is percent-encoded twice",
    b"a=%00": "the query holds a control character",
    b"a=%FF": "the query is not UTF-8 once decoded",
    b"_method=DELETE": "`_method` asks for another method than the request's",
    b"_METHOD=DELETE": "`_METHOD` asks for another method than the request's",
    b"a=" + b"x" * 8191: "the query is longer than 8192 bytes",
    b"&".join(b"p%d=1" % number for number in range(65)): "the query has more than 64 parameters",
}


@pytest.mark.parametrize(("raw", "said"), TRAPS.items(), ids=[repr(raw[:24]) for raw in TRAPS])
def test_a_trap_is_refused_and_named(raw: bytes, said: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_query(raw)
    assert refused.value.code == "malformed_request"
    assert refused.value.message == said


def test_what_can_be_read_in_one_way_is_read_once() -> None:
    assert read_query(b"") == {}
    assert read_query(b"page=2&q=caf%C3%A9%20au%2Blait&empty=") == {"page": "2", "q": "café au+lait", "empty": ""}
