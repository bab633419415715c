"""`docs/custody.md` is true where it can be checked: the key file it shows, the bounds it names."""

import re
from pathlib import Path

from gatepass.keys import Keyring
from gatepass.keys.sealing import LEAST_SECRET_BYTES, MOST_SECRET_BYTES

PAGE = (Path(__file__).parents[2] / "docs" / "custody.md").read_text()


def test_the_key_file_on_the_page_is_read() -> None:
    (text,) = re.findall(r"```\n(gatepass-keyring/1\n.*?)```", PAGE, re.DOTALL)
    assert Keyring.parse(text).write() == text
    assert Keyring.parse(text.strip().replace("\n", ";")).write() == text


def test_the_bounds_of_a_secret_are_named() -> None:
    assert f"A secret has {LEAST_SECRET_BYTES} bytes to {MOST_SECRET_BYTES // 1024} KiB." in PAGE
