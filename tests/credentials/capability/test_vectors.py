"""Every vector, through our verifier; and the file is what its script writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from scripts.capability_vectors import DOCUMENT, document

from gatepass import exact
from gatepass.access import Instant
from gatepass.credentials.capability import Capabilities, Fault, UnverifiedCapability
from gatepass.errors import Error
from gatepass.keys.jose import PublicKey

FILE: Any = json.loads(Path(DOCUMENT).read_text())
VECTORS: list[Any] = FILE["vectors"]
VERIFIER = Capabilities(
    FILE["issuer"],
    {id_: PublicKey.parse(exact.read(json.dumps(jwk))) for id_, jwk in FILE["keys"].items()},
    audience=FILE["audience"],
)


def outcome(vector: Any) -> tuple[str, int | None]:
    try:
        found = VERIFIER.verify(UnverifiedCapability.parse(vector["text"]), at=Instant(vector.get("at", FILE["at"])))
        found.proven_by(vector.get("proof"))
    except Error as error:
        link = error.details.get("link")
        return error.details["fault"], None if link is None else int(link)
    return "accept", None


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['rule']}: {vector['name']}")
def test_the_vector_comes_out_as_it_says(vector: Any) -> None:
    assert outcome(vector) == (vector["outcome"], vector.get("link"))


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [(vector["rule"], vector["name"]) for vector in VECTORS]
    assert len(names) == len(set(names)) >= 80
    unseen = set(Fault) - {vector["outcome"] for vector in VECTORS}
    assert unseen == {Fault.WITHDRAWN}


def test_the_file_is_what_the_script_writes() -> None:
    assert Path(DOCUMENT).read_text() == document(), "run: python scripts/capability_vectors.py --write"
