"""Strict JSON in, canonical JSON out: nothing is read in two ways, and equal values have equal bytes."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Malformed

REFUSED = [
    (b'{"a":1,"a":2}', 'the name "a" appears twice in one object'),
    (b'{"a":{"c":2,"b":1,"b":3}}', 'the name "b" appears twice in one object'),
    (b'{"' + b"x" * 99 + b'":1,"' + b"x" * 99 + b'":1}', f'the name "{"x" * 40}" appears twice in one object'),
    (b'{"a":1,"\\u0061":2}', 'the name "a" appears twice in one object'),
    (b"NaN", "`NaN` is not JSON"),
    (b"[Infinity]", "`Infinity` is not JSON"),
    (b"-Infinity", "`-Infinity` is not JSON"),
    (b"1e401", "the exponent of `1e401` is beyond 400"),
    (b"1e-401", "the exponent of `1e-401` is beyond 400"),
    (b"1e99999999999999999999", "the exponent of `1e99999999999999999999` is beyond 400"),
    (b"1" * 101, "a number of 101 digits is too long"),
    (b"0." + b"0" * 100, "a number of 101 digits is too long"),
    (b"1" * 5000, "a number of 5000 characters is too long"),
    (b"\xff", "not UTF-8 at byte 0"),
    (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
    (b"\xef\xbb\xbf1", "starts with a byte order mark"),
    ("\ufeff1", "starts with a byte order mark"),
    ('"\ud800"', "not UTF-8 at byte 1"),
    (b'"\\ud800"', "a string holds half a surrogate pair"),
    (b'{"\\uDFFF":1}', "a string holds half a surrogate pair"),
    (b'["\\udc00\\ud800"]', "a string holds half a surrogate pair"),
    (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "nested deeper than 64"),
    (b"", "not JSON at line 1, column 1: expecting value"),
    (b"{", "not JSON at line 1, column 2: expecting property name enclosed in double quotes"),
    (b"[1,]", "not JSON at line 1, column 4: expecting value"),
    (b"[1]\n 2", "not JSON at line 2, column 2: extra data"),
    (b"'a'", "not JSON at line 1, column 1: expecting value"),
    (b"01", "not JSON at line 1, column 2: extra data"),
    (b"1.", "not JSON at line 1, column 2: extra data"),
    (b"+1", "not JSON at line 1, column 1: expecting value"),
    (b".5", "not JSON at line 1, column 1: expecting value"),
    (b"0x1", "not JSON at line 1, column 2: extra data"),
    (b'"a\nb"', "not JSON at line 1, column 3: invalid control character at"),
    (b'"\x00"', "not JSON at line 1, column 2: invalid control character at"),
    (b"/*x*/1", "not JSON at line 1, column 1: expecting value"),
    ("\u0661", "not JSON at line 1, column 1: expecting value"),
    (b'"' + b"[" * 70 + b'" x', "not JSON at line 1, column 74: extra data"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_could_be_read_in_two_ways_is_refused(text: bytes | str, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        exact.read(text)
    assert (refusal.value.code, refusal.value.message) == ("malformed_json", message)


@pytest.mark.parametrize(
    ("text", "most"),
    [(b'"' + b"a" * 9 + b'"', 10), ('"' + "a" * 9 + '"', 10), ('"éééé"', 9), (b" " * (1 << 20) + b"1", 1 << 20)],
)
def test_what_is_too_long_is_not_read(text: bytes | str, most: int) -> None:
    with pytest.raises(Malformed) as refusal:
        exact.read(text, max_bytes=most)
    assert (refusal.value.code, refusal.value.message) == ("too_large", f"more than {most} bytes of JSON")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"49.50", Decimal("49.50")),
        (b"0.1", Decimal("0.1")),
        (b"-0", Decimal(0)),
        (b"1E2", Decimal(100)),
        (b"1e400", Decimal("1e400")),
        (b"9" * 100, Decimal("9" * 100)),
        (b"115792089237316195423570985008687907853269984665640564039457584007913129639935", Decimal(2**256 - 1)),
        (b"\t[ true , false , null ]\r\n", (True, False, None)),
        (b'{"a":{"b":["c"]}}', {"a": {"b": ("c",)}}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"e\\u0301"', "e\u0301"),
        ('"é"', "é"),
        (b'"' + b"[" * 70 + b'"', "[" * 70),
        (b'"\\"[[["', '"[[['),
        (b"[" * 64 + b"]" * 64, None),
    ],
)
def test_what_has_one_reading_is_read(text: bytes | str, value: Json) -> None:
    read = exact.read(text)
    if value is not None:
        assert read == value


def test_brackets_inside_strings_are_not_depth_and_outside_are() -> None:
    many = b'["' + b"[{" * 100 + b'", "\\\\", "' + b"]" * 100 + b'"]'
    assert exact.read(many) == ("[{" * 100, "\\", "]" * 100)
    with pytest.raises(Malformed, match="nested deeper than 2"):
        exact.read(b'["]]]]", [[1]]]', max_depth=2)
    assert exact.read(b"[[1],[2],[3]]", max_depth=2) == ((Decimal(1),), (Decimal(2),), (Decimal(3),))
    with pytest.raises(Malformed, match="nested deeper than 2"):
        exact.read(b"[[1],[1],[[1]]]", max_depth=2)
    with pytest.raises(Malformed, match="nested deeper"):
        exact.read(b"[" * 1_000_000)


@pytest.mark.parametrize("text", [b'"aaa"', '"aaa"', '"\u00e9a"'])
def test_as_long_as_the_bound_is_read(text: bytes | str) -> None:
    size = len(text.encode() if isinstance(text, str) else text)
    assert exact.read(text, max_bytes=size) is not None
    with pytest.raises(Malformed):
        exact.read(text, max_bytes=size - 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785, appendix B, as far as the values are exact.
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0e400", "0"),
        ("5e-324", "5e-324"),
        ("-5e-324", "-5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740992", "-9007199254740992"),
        ("295147905179352830000", "295147905179352830000"),
        ("999999999999999700000", "999999999999999700000"),
        ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("1.0000000000000001e23", "1.0000000000000001e+23"),
        ("0.000001", "0.000001"),
        ("9.999999999999997e-7", "9.999999999999997e-7"),
        ("1e-7", "1e-7"),
        ("123e-8", "0.00000123"),
        ("333333333.3333332", "333333333.3333332"),
        ("4.50", "4.5"),
        ("50.000", "50"),
        ("5e1", "50"),
        ("0.1e1", "1"),
        ("1" + "0" * 50 + "1", "1." + "0" * 50 + "1e+51"),
    ],
)
def test_a_number_has_one_spelling(value: str, text: str) -> None:
    assert exact.spell(Decimal(value)) == text
    assert exact.number(text) == Decimal(value)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_no_spelling(value: str) -> None:
    with pytest.raises(ValueError, match=r"^a number has to be finite$"):
        exact.spell(Decimal(value))
    with pytest.raises(ValueError, match=r"^a number has to be finite$"):
        exact.write({"a": (Decimal(value),)})


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1\n", "0x1", "\uff11", "1_000", "1,5", "--1", "1e", "e1", "01", "NaN", "1e1.5"]
)
def test_a_number_is_written_as_json_writes_it(text: str) -> None:
    with pytest.raises(Malformed, match=f"`{text}` is not a number"):
        exact.number(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 40, f"`{'x' * 40}` is not a number"),
        ("x" * 41, f"`{'x' * 40}...` is not a number"),
        ("x" * 100, f"`{'x' * 40}...` is not a number"),
        ("x" * 101, "a number of 101 characters is too long"),
        ("1" * 110, "a number of 110 digits is too long"),
        ("1" * 111, "a number of 111 characters is too long"),
    ],
)
def test_what_is_no_number_is_not_repeated_at_length(text: str, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        exact.number(text)
    assert refusal.value.message == message


def test_names_are_sorted_by_utf16_and_strings_escaped_as_the_rfc_says() -> None:
    # RFC 8785, section 3.2.3: by UTF-16 code units, so that the smiley (a surrogate pair) stands before U+FB33.
    names = ("\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6")
    written = exact.write({name: Decimal(place) for place, name in enumerate(names)})
    assert written == '{"\\r":1,"1":3,"\u0080":5,"ö":6,"€":0,"😀":4,"\ufb33":2}'.encode()
    assert exact.write('\u000f\n\\"/\x7f\u2028') == b'"\\u000f\\n\\\\\\"/\x7f\xe2\x80\xa8"'
    assert exact.write((True, False, None, (), {})) == b"[true,false,null,[],{}]"


@pytest.mark.parametrize(
    ("value", "name"),
    [(1, "int"), (1.5, "float"), (b"x", "bytes"), ([1], "list"), ({1, 2}, "set"), ((object(),), "object")],
)
def test_what_is_not_exact_is_not_written(value: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} is not an exact JSON value$"):
        exact.write(value)


def test_half_a_surrogate_pair_is_not_written() -> None:
    with pytest.raises(UnicodeEncodeError):
        exact.write("\ud800")


numbers = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals("-1e300", "1e300")
texts = st.text(st.characters(codec="utf-8"))
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | numbers.filter(lambda n: len(n.as_tuple().digits) < 90) | texts,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


@given(value=values)
def test_reading_undoes_writing_and_equal_values_have_equal_bytes(value: Json) -> None:
    written = exact.write(value)
    again = exact.read(written)
    assert again == value
    assert exact.write(again) == written
    assert json.loads(written) == json.loads(json.dumps(json.loads(written)))


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_binary64_is_spelled_as_its_shortest_decimal(number: float) -> None:
    """The digits of `repr` are ECMAScript's; only the layout differs, and reading it gives the same float back."""
    spelled = exact.spell(Decimal(repr(number)))
    assert float(spelled) == number
    assert Decimal(spelled) == Decimal(repr(number))
    assert exact.number(spelled) == Decimal(repr(number))


@given(text=st.text() | st.text(alphabet='[]{}",:\\u0123456789eE+-.truefalsn d8'))
def test_reading_raises_nothing_else_and_is_no_laxer_than_the_standard_reader(text: str) -> None:
    refused = None
    try:
        exact.read(text)
    except Malformed as refusal:
        refused = refusal.message
    if refused is None:
        json.loads(text)
    else:
        assert "\n" not in refused
