"""`docs/capability-format.md` says what the code does."""

import re
from pathlib import Path

from scripts.capability_vectors import LINK, ROOT, SEAL, A, R, canonical

from gatepass.credentials.capability import Fault
from gatepass.credentials.capability import links as said
from gatepass.credentials.capability.text import HANDOVER_PREFIX, MOST_BYTES, MOST_LINKS, PREFIX
from gatepass.keys.jose.algorithms import HALF_ORDER_P256
from gatepass.keys.jose.base64url import decode

PAGE = (Path(__file__).parents[3] / "docs" / "capability-format.md").read_text()


def test_every_fault_is_on_the_page_and_no_other() -> None:
    table = PAGE[PAGE.index("## Verifying") : PAGE.index("## The seal")]
    last = [line.split("|")[-2] for line in table.splitlines() if line.startswith("|")]
    named = set(re.findall(r"`([a-z_]+)`", "".join(last)))
    assert named == set(Fault)


def test_the_bounds_are_those_of_the_code() -> None:
    for number in (MOST_LINKS, MOST_BYTES, said.MOST_LINK, said.MOST_GRANTS, said.MOST_ANCESTORS, said.MOST_AUDIENCES):
        assert re.search(rf"\b{number}\b", PAGE), number
    assert f"0x{HALF_ORDER_P256:064X}" in PAGE
    assert PREFIX in PAGE
    assert HANDOVER_PREFIX in PAGE


def test_headers_and_members_are_those_of_the_code() -> None:
    assert canonical({**ROOT, "kid": "<kid>"}).decode() in PAGE
    assert canonical(LINK).decode() in PAGE
    assert canonical(SEAL).decode() in PAGE
    for name in said._ROOT | said._ROOT_OPTIONAL | said._LINK | said._SEAL:
        assert f"`{name}`" in PAGE, name


def test_the_example_is_a_link_of_the_vectors() -> None:
    header, payload, _ = R.split(".")
    assert f"{decode(header).decode()}\n{decode(payload).decode()}\n" in PAGE
    assert A.public.jwk["x"] in PAGE
