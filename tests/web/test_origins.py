"""A server that runs says of each setting what it is and who said so."""

import json
from pathlib import Path

from tests.cli.deployment import started

from gatepass.client import Management, Transport


def test_each_setting_says_who_said_it(tmp_path: Path) -> None:
    config = tmp_path / "gatepass.toml"
    config.write_text('[lifetimes]\ntoken = "2h"\n')
    said = {"GATEPASS_LIMITS__REQUESTS_PER_DAY": "77"}
    with started(tmp_path, "--config", str(config), settings=said) as server, Transport(server.url) as stranger:
        token = str(Management(stranger).sign_in({"code": str(server.code)})["token"])
        with Transport(server.url, token) as transport:
            told = {str(item["name"]): item for item in Management(transport).listed("settings")}
    seen = {name: (item["value"], item["origin"], item["where"]) for name, item in told.items()}
    assert seen["data"] == (str(server.data), "option", "option --data")
    assert seen["server.host"] == ("127.0.0.1", "default", None)
    assert token not in json.dumps({name: str(item) for name, item in told.items()})
    assert seen["server.port"] == ("0", "option", "option --port")
    assert seen["limits.requests_per_day"][:2] == ("77", "environment")
    assert "GATEPASS_LIMITS__REQUESTS_PER_DAY" in str(seen["limits.requests_per_day"][2])
    assert seen["lifetimes.token"] == ("2h", "file", f"`{config}` line 2")
