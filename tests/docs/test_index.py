"""`docs/index.md` leads to every page, and no page leads nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    """Where it leads, without addresses elsewhere and places within a page."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = (target.partition("#")[0] for target in _LINK.findall(text) if "://" not in target)
    return [target for target in targets if target]


def test_every_page_is_on_the_map() -> None:
    listed = {(DOCS / target).resolve() for target in links(DOCS / "index.md")}
    assert {page for page in DOCS.glob("*.md") if page.name != "index.md"} - listed == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


def test_every_decision_says_why_and_what_it_costs() -> None:
    for page in (DOCS / "adr").glob("*.md"):
        text = page.read_text()
        assert re.match(rf"# {int(page.name[:4])}\. ", text), page.name
        for part in ("**Context.**", "**Decision.**", "**What it costs.**"):
            assert part in text, f"{page.name}: {part}"
