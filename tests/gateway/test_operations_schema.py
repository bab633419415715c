"""What the reader of operations files accepts keeps to their schema, over every file that there is."""

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from scripts import configuration_schemas
from tests.administration import world
from tests.console import content
from tests.e2e import place

from gatepass.errors import Malformed
from gatepass.gateway.operations import read_operations

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(yaml.safe_load(configuration_schemas.schemas()["operations.json"]))
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def texts() -> dict[str, str]:
    """Every operations file that stands somewhere: examples, the documentation, and those of tests."""
    files = [*ROOT.glob("examples/**/operations*/**/*.yaml"), *ROOT.glob("examples/**/operations.yaml")]
    files += ROOT.glob("tests/**/*.yaml")
    found = {str(path.relative_to(ROOT)): path.read_text() for path in files}
    page = (ROOT / "docs" / "operations.md").read_text()
    found |= {f"docs/operations.md {at}": text for at, text in enumerate(BLOCK.findall(page))}
    for module in (world, content, place):
        texts = {name: value for name, value in vars(module).items() if isinstance(value, str) and "types:" in value}
        found |= {f"{module.__name__}.{name}": value for name, value in texts.items()}
    for path in ROOT.glob("tests/**/*.py"):
        literals = re.findall(r'"""\\?\n?(types:.*?)"""', path.read_text(), re.DOTALL)
        found |= {f"{path.relative_to(ROOT)} {at}": text for at, text in enumerate(literals)}
    return found


TEXTS = texts()


def readable(name: str) -> bool:
    """Whether the reader takes it; some are there to be refused."""
    try:
        read_operations(TEXTS[name])
    except Malformed:
        return False
    return True


TAKEN = [name for name in TEXTS if readable(name)]


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_reader_accepts_keeps_to_the_schema(name: str) -> None:
    faults = [f"{error.json_path}: {error.message[:120]}" for error in SCHEMA.iter_errors(yaml.safe_load(TEXTS[name]))]
    assert faults == []


def test_there_are_many_of_them() -> None:
    assert len(TAKEN) >= 20


WRONG = [
    "rest: []\n",
    "types: {}\nrests: []\n",
    "types: {orders: {actions: {list: {class: raed}}}}\n",
    "types: {orders: {actions: {list: {kind: read}}}}\n",
    "types: {Orders: {actions: {List: {class: read}}}}\n",
    "types: {orders: {actions: {list: {class: read, properties: {amount: money}}}}}\n",
    "types: {}\nrest:\n  - {match: GET, action: 'orders:list', resource: none}\n",
    "types: {}\nrest:\n  - {match: 'FETCH /orders', action: 'orders:list', resource: none}\n",
    "types: {}\nrest:\n  - {match: 'GET /orders', action: orders, resource: none}\n",
    "types: {}\nrest:\n  - {match: 'GET /orders', action: 'orders:list'}\n",
    "types: {}\nrest:\n  - {match: 'GET /orders', action: 'orders:list', resource: none, body: xml}\n",
    "types: {}\nmcp: {tool: {}}\n",
    "types: {}\nheaders: [X-Upper]\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_mistyped_is_seen_while_one_types_and_refused_by_the_reader(text: str) -> None:
    assert list(SCHEMA.iter_errors(yaml.safe_load(text)))
    with pytest.raises(Malformed):
        read_operations(text)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
