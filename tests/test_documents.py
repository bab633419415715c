"""YAML that is written is read back as the same text, whatever the text is."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.documents import read_document, scalar
from gatepass.errors import Malformed


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_is_read_back(text: str) -> None:
    node = read_document(f"- {scalar(text)}\n", "file")
    assert node.json() == (text,)


@pytest.mark.parametrize(
    "text", ["no", "y", "1:30", "0x1F", "2026-01-01", "null", "true", "12", "", "a:", "*", "=", "~"]
)
def test_what_readers_disagree_about_is_quoted(text: str) -> None:
    assert scalar(text) == f'"{text}"'


@pytest.mark.parametrize("text", ["orders:read:*", "orders:refund:*?amount<=50&amount>=0&currency=USD", "8h", "60/1m"])
def test_what_everybody_reads_alike_is_bare(text: str) -> None:
    assert scalar(text) == text


def test_a_fault_has_the_code_that_its_reader_asked_for() -> None:
    with pytest.raises(Malformed) as caught:
        read_document("a: 1\na: 2\n", "agents/x.yaml", "malformed_config")
    assert caught.value.code == "malformed_config"
    assert caught.value.message == "`agents/x.yaml` line 2: expected `a` once, it stands on line 1 already"
    node = read_document("a: {b: 7}\n", "agents/x.yaml", "malformed_config")
    assert node.json() == {"a": {"b": Decimal(7)}}
    assert node.members(of="it")["a"].fault("more").code == "malformed_config"
