"""What a program of the server's own user does not get, and that it is said what it does get."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.place import founder, running, signed_in

from gatepass.client import Management, Transport
from gatepass.errors import Unauthenticated

SYSTEM_USERS = 1000


def test_a_restart_gives_nobody_a_way_in_once_an_admin_has_a_password_and_the_folder_does(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        assert first.code is not None
    with running(tmp_path) as second:
        assert second.code not in {None, first.code}
        with Transport(second.people_url) as stranger, pytest.raises(Unauthenticated) as refused:
            Management(stranger).sign_in({"code": first.code})
        assert refused.value.code == "sign_in_failed"
        signed_in(second)
    with running(tmp_path) as third:
        assert third.code is None
        signed_in(third)
    with closing(sqlite3.connect(tmp_path / "data" / "gatepass.db")) as database, database:
        database.execute("UPDATE people SET password_hash = NULL WHERE name = ?", (founder(),))
    with running(tmp_path) as fourth:
        assert fourth.code is not None, "but whoever may write the folder has a way in"
        custody = signed_in(fourth).status()["custody"]
    assert isinstance(custody, Mapping)
    assert custody["protected"] is (0 < os.geteuid() < SYSTEM_USERS)
    assert f"`{founder()}`" in str(custody["says"])
