"""What is vendored is what its packages hold; nothing inline, nothing from elsewhere."""

import base64
import hashlib
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from tests.console.templates_alone import STATIC, TEMPLATES, environment

VENDOR = STATIC / "vendor"
FILES = tomllib.loads((VENDOR / "vendor.toml").read_text())["file"]
PAGES = sorted(TEMPLATES.rglob("*.html"))
HEAD = (TEMPLATES / "parts" / "head.html").read_text()


def integrity(path: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file["path"]))
def test_a_vendored_file_is_what_it_was(file: dict[str, object]) -> None:
    path = VENDOR / str(file["path"])
    assert integrity(path) == file["integrity"]
    assert (VENDOR / str(file["licence_text"])).read_text().strip()
    assert isinstance(file["released"], date)
    assert re.search(rf'/vendor/{re.escape(path.name)}" integrity="{re.escape(str(file["integrity"]))}"', HEAD)


def test_nothing_is_vendored_unseen() -> None:
    listed = {str(file[key]) for file in FILES for key in ("path", "licence_text")}
    assert {path.name for path in VENDOR.iterdir()} == listed | {"vendor.toml"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_hold_no_inline_script_no_style_and_no_way_round_escaping(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=", text)
    assert not re.search(r"<style|javascript:|\bhx-on|\bhx-vals=.js:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", text)
    assert not re.search(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", text)
    environment().parse(text)


@pytest.mark.parametrize(
    "path", sorted([*STATIC.glob("css/*.css"), *STATIC.glob("js/*.js")]), ids=lambda path: path.name
)
def test_our_own_assets_ask_nobody_else_and_evaluate_nothing(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(("/*", "//")), "a file says what it is for"
    assert not re.search(r"https?://|@import|url\(", text)
    assert not re.search(r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert f"/{path.parent.name}/{path.name}" in HEAD


def test_each_class_of_the_vocabulary_is_in_the_style_sheets() -> None:
    text = "".join(path.read_text() for path in sorted(STATIC.glob("css/*.css")))
    vocabulary, rules = text.split("*/", 1)
    named = set(re.findall(r"(?<![\w/])\.([a-z][a-z-]+)", vocabulary)) - {"html", "js"}
    missing = {name for name in named if not re.search(rf"\.{name}(?![\w-])", rules)}
    assert missing == set()
