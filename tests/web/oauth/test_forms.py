"""Forms of OAuth, read once and in one way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gatepass.errors import Error, Malformed
from gatepass.gateway.requests import Request
from gatepass.web.oauth import Parameters, read_parameters

FORM = (b"content-type", b"application/x-www-form-urlencoded")


def read(
    *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (FORM,), query: bytes = b"", stuck: bool = False
) -> Parameters:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if stuck:
            await asyncio.Event().wait()

    request = Request("POST", "", b"/oauth2/token", query, headers, "127.0.0.1", body())
    return asyncio.run(read_parameters(request))


def refused(*chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (FORM,), query: bytes = b"") -> Error:
    with pytest.raises(Malformed) as raised:
        read(*chunks, headers=headers, query=query)
    return raised.value


def test_parameters_are_read_across_chunks_and_decoded_once() -> None:
    form = read(b"grant_type=client_cred", b"entials&scope=orders%3Arefund+reports%3Aread&x=%2525")
    assert form.one("grant_type") == "client_credentials"
    assert form.one("scope") == "orders:refund reports:read"
    assert form.one("x") == "%25"


def test_what_was_left_out_and_what_has_no_value_are_the_same() -> None:
    form = read(b"scope=&a=b&&c")
    assert form.one("scope") is None
    assert form.one("c") is None
    assert "scope" not in form
    assert form.one("a") == "b"
    with pytest.raises(Malformed, match="`scope` is missing"):
        form.required("scope")


def test_a_parameter_stands_once_even_where_one_of_the_two_is_empty() -> None:
    for body in (
        b"scope=a&scope=b",
        b"scope=a&scope=a",
        b"scope=&scope=a",
        b"sc%6fpe=a&scope=b",
        b"client_id=a&client_id",
    ):
        assert "more than once" in refused(body).message


def test_what_the_standards_let_clients_repeat_is_a_list_and_never_a_silent_first() -> None:
    form = read(b"resource=a&resource=b&audience=c")
    assert form.each("resource") == ("a", "b")
    assert form.each("audience") == ("c",)
    with pytest.raises(Malformed, match="`resource` stands in the form more than once"):
        form.one("resource")
    assert "more than once" in refused(b"&".join([b"resource=a"] * 9)).message


@pytest.mark.parametrize(
    "body",
    [b"a=%zz", b"a=%4", b"a=b c", b"a=\xc3\xa9", b"a=%ff", b"a=%00", b"%20=a", b"=a", b"a" * 65 + b"=b", b"a=\n"],
)
def test_what_is_no_form_is_refused_without_repeating_it(body: bytes) -> None:
    error = refused(body)
    assert error.code == "malformed_request"
    assert "zz" not in error.message


def test_a_form_has_bounds() -> None:
    assert refused(b"a=" + b"x" * 65_535).code == "too_large"
    assert refused(*[b"a=" + b"x" * 40_000, b"x" * 40_000]).code == "too_large"
    assert "64 parameters" in refused(b"&".join(b"p%d=1" % each for each in range(65))).message
    assert len(read(b"a=" + b"x" * 65_534).required("a")) == 65_534


def test_a_form_that_does_not_come_to_its_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.web.oauth.forms.LONGEST_WAIT", 0.01)
    with pytest.raises(Malformed) as raised:
        read(b"grant_type=x", stuck=True)
    assert raised.value.code == "too_slow"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"content-type", b"application/json"),),
        ((b"content-type", b"multipart/form-data; boundary=x"),),
        ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-16"),),
        ((b"content-type", b"application/x-www-form-urlencoded; a=b"),),
        (FORM, FORM),
        (FORM, (b"content-encoding", b"gzip")),
    ],
)
def test_only_a_form_is_a_form(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert refused(b"a=b", headers=headers).code == "unsupported_media"


def test_the_charset_may_be_said_if_it_is_the_one() -> None:
    for said in (b"; charset=utf-8", b';charset="UTF-8"', b"; Charset=UTF-8"):
        assert read(b"a=%C3%A9", headers=((b"content-type", FORM[1] + said),)).one("a") == "é"


def test_parameters_in_the_url_are_refused() -> None:
    assert "in the body" in refused(b"a=b", query=b"client_secret=x").message


def test_a_form_does_not_show_its_values() -> None:
    assert "hidden" not in repr(read(b"client_secret=hidden"))
