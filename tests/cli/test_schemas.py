"""The schemas that editors get are those of the shapes that files are read in, and judge as they do."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from scripts import configuration_schemas

from gatepass.administration.configuration.files.reading import Source, read_folder

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gatepass.d"


def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(configuration_schemas.schemas()[f"{kind}.json"]))


@pytest.mark.parametrize("place", configuration_schemas.PLACES, ids=lambda place: str(place.relative_to(ROOT)))
def test_the_schemas_are_those_of_the_shapes(place: Path) -> None:
    there = {path.name: path.read_text() for path in place.iterdir()}
    assert there == configuration_schemas.schemas(), "run: python scripts/configuration_schemas.py --write"


@pytest.mark.parametrize("kind", ["agent", "role", "upstream"])
def test_a_schema_is_one(kind: str) -> None:
    Draft202012Validator.check_schema(validator(kind).schema)


@pytest.mark.parametrize("folder", ["agents", "roles", "upstreams"])
def test_the_example_keeps_to_its_schema(folder: str) -> None:
    for path in (EXAMPLE / folder).iterdir():
        said = validator(folder.removesuffix("s"))
        assert list(said.iter_errors(yaml.safe_load(path.read_text()))) == []
        assert (path.parent / path.read_text().splitlines()[0].partition("$schema=")[2]).exists()


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("agents", "role: support\n"),
        ("agents", "role: support\nowner: ada\nteam: x\n"),
        ("agents", "role: Support\nowner: ada\n"),
        ("agents", "role: support\nowner: ada\nlimits: {calls: 60}\n"),
        ("agents", "role: support\nowner: ada\nlimits: {calls: lots}\n"),
        ("agents", "role: support\nowner: ada\nlimits: {classes: [admin]}\n"),
        ("agents", "role: support\nowner: ada\nlimits: {classes: []}\n"),
        ("agents", "role: support\nowner: ada\nlimits: {writes_per_minute: 0}\n"),
        ("roles", "scopes: []\n"),
        ("roles", "scopes: [orders:list]\nmax_lifetime: 1h30m\n"),
        ("upstreams", "kind: soap\ntarget: http://x\n"),
        ("upstreams", "kind: rest\ntarget: http://x\ninjection: {kind: body, name: x}\n"),
        ("upstreams", "kind: rest\ntarget: http://x\nallow_private: 1\n"),
    ],
)
def test_what_the_schema_refuses_is_refused(folder: str, text: str) -> None:
    said: Any = yaml.safe_load(text)
    assert list(validator(folder.removesuffix("s")).iter_errors(said))
    sources = [Source(f"{folder}/x.yaml", text), *([Source("operations/x.yaml", "")] if folder == "upstreams" else [])]
    assert len(read_folder(sources).faults) == 1


def test_the_examples_operations_are_those_of_the_orders_example() -> None:
    orders = ROOT / "examples" / "orders" / "operations.yaml"
    assert (EXAMPLE / "operations" / "orders.yaml").read_text() == orders.read_text()
