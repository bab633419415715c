"""Settings are read once, and every complaint says where to look and what was expected."""

import ast
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.errors import Malformed
from gatepass.settings import KeySource, Problem, Rate, Settings, load, read
from gatepass.settings.positions import lines_of_keys
from gatepass.units import DURATION_EXPECTED, RATE_EXPECTED

SERVER = Path(__file__).parents[1] / "src" / "gatepass" / "server"
HOST_EXPECTED = "a host name in lower case or an IP address, without a port"
POLICIES_REFUSED = "this version cannot enforce policy files, and does not start as if it did"

FULL = """\
# Where everything is.
data = "/var/lib/gatepass"

[server]
host = "0.0.0.0"
port = 9000
agents_host = "gatepass.example.com"
people_host = "console.example.com"

[limits]
account = "1000/1m"
requests_per_day = 5000

[lifetimes]
token = "4h"

[key]
source = "environment"

[sizes]
mcp_request = "64KiB"
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "gatepass.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(folder: Path, text: str | bytes, environment: dict[str, str] | None = None) -> list[str]:
    found = read({"GATEPASS_HOME": str(folder), **(environment or {})}, config=written(folder, text))
    assert isinstance(found, tuple), found
    return [str(problem).replace(str(folder) + "/", "") for problem in found]


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load({"GATEPASS_HOME": str(tmp_path)})
    assert settings.data == tmp_path
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8420)
    assert settings.limits.account == Rate(120_000, 60_000)
    assert settings.key.source is KeySource.FILE


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    settings = load({}, config=written(tmp_path, FULL))
    assert settings.data == Path("/var/lib/gatepass")
    assert settings.server.port == 9000
    assert settings.limits.account == Rate(1_000, 60_000)
    assert settings.limits.requests_per_day == 5_000
    assert settings.lifetimes.token == 14_400_000
    assert settings.lifetimes.session == 28_800_000
    assert settings.key.source is KeySource.ENVIRONMENT
    assert settings.sizes.mcp_request == 65_536


def test_the_file_in_the_data_folder_is_found(tmp_path: Path) -> None:
    written(tmp_path, "[server]\nport = 9001\n")
    assert load({"GATEPASS_HOME": str(tmp_path)}).server.port == 9001
    assert load({}, data=tmp_path).server.port == 9001
    assert load({}, data=tmp_path).data == tmp_path


def test_options_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    config = written(tmp_path, FULL)
    environment = {"GATEPASS_SERVER__PORT": "9100", "GATEPASS_CONFIG": str(config)}
    assert load(environment).server.port == 9100
    assert load(environment).server.host == "0.0.0.0"  # noqa: S104 - what the file says
    assert load(environment, options={("server", "port"): 9200}).server.port == 9200


def test_what_orchestrators_put_into_the_environment_is_no_setting(tmp_path: Path) -> None:
    links = {"GATEPASS_PORT": "tcp://10.0.0.1:8420", "GATEPASS_SERVICE_HOST": "10.0.0.1", "GATEPASS_PORT_8420_TCP": "x"}
    assert load({"GATEPASS_HOME": str(tmp_path), **links}).server.port == 8420


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nport = 99999\n", "`gatepass.toml` line 2: `server.port`: expected a whole number from 0 to 65535"),
        ("[server]\nport = true\n", "`gatepass.toml` line 2: `server.port`: expected a whole number from 0 to 65535"),
        (
            "[server]\n\n# here\nport = 1.5\n",
            "`gatepass.toml` line 4: `server.port`: expected a whole number from 0 to 65535",
        ),
        (
            "[server]\nprot = 8420\n",
            "`gatepass.toml` line 2: `server.prot` is not a setting; the nearest is `server.port`",
        ),
        ("[sever]\nport = 8420\n", "`gatepass.toml` line 1: `sever` is not a setting; the nearest is `server`"),
        ("zzz = 1\n", "`gatepass.toml` line 1: `zzz` is not a setting"),
        ("server = 1\n", "`gatepass.toml` line 1: `server`: expected a table, [server]"),
        (
            '[lifetimes]\ntoken = "none"\n',
            f"`gatepass.toml` line 2: `lifetimes.token`: expected {DURATION_EXPECTED}",
        ),
        (
            "[lifetimes]\ntoken = 3600\n",
            f"`gatepass.toml` line 2: `lifetimes.token`: expected {DURATION_EXPECTED}",
        ),
        (
            '[limits]\ncalls = """\n60\n"""\nattempts = "60/1m"\n',
            f"`gatepass.toml` line 2: `limits.calls`: expected {RATE_EXPECTED}",
        ),
        ('[key]\nsource = "vault"\n', "`gatepass.toml` line 2: `key.source`: expected file or environment"),
        (
            '[key]\nfile = "relative/key"\n',
            "`gatepass.toml` line 2: `key.file`: expected an absolute path, or one that starts with ~/",
        ),
        (
            '[server]\nhost = "http://x"\n',
            f"`gatepass.toml` line 2: `server.host`: expected {HOST_EXPECTED}",
        ),
        (
            '[server]\npeople_host = "127.0.0.1"\n',
            "`gatepass.toml` line 2: `server.people_host`: expected another name than `server.agents_host`",
        ),
        (
            'policies = [\n  "deny.cedar",\n]\n',
            f"`gatepass.toml` line 1: `policies`: {POLICIES_REFUSED}",
        ),
        ("policies = 3\n", "`gatepass.toml` line 1: `policies`: expected a list of texts"),
        ("\n\n[server\n", "`gatepass.toml` line 3: expected TOML: expected ']' at the end of a table declaration"),
        ("a = 1\na = 2\n", "`gatepass.toml` line 2: expected TOML: cannot overwrite a value"),
        ('a = "', "`gatepass.toml` line 1: expected TOML: unterminated string"),
        (b"a = 1\nb = '\xff'\n", "`gatepass.toml` line 2: expected UTF-8"),
        (b"#" * 70_000, "`gatepass.toml`: expected at most 65536 bytes"),
    ],
)
def test_every_bad_value_names_its_line_and_what_was_expected(
    tmp_path: Path, text: str | bytes, complaint: str
) -> None:
    assert problems(tmp_path, text)[0] == complaint


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    text = '[server]\nport = "x"\nprot = 1\n\n[sizes]\nmcp_request = "big"\n\n[limits]\ncalls = "1"\n'
    found = problems(tmp_path, text)
    assert [line.split(":")[0] for line in found] == [
        "`gatepass.toml` line 2",
        "`gatepass.toml` line 3",
        "`gatepass.toml` line 6",
        "`gatepass.toml` line 9",
    ]
    with pytest.raises(Malformed) as caught:
        load({}, config=tmp_path / "gatepass.toml")
    assert caught.value.code == "malformed_config"
    assert caught.value.message.endswith("; and 1 more")
    assert "\n" not in caught.value.message


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    home = {"GATEPASS_HOME": str(tmp_path)}
    assert read({**home, "GATEPASS_SERVER__PORT": "eighty"}) == (
        Problem("environment variable GATEPASS_SERVER__PORT", "`server.port`: expected a whole number from 0 to 65535"),
    )
    assert read({**home, "GATEPASS_SERVER__PROT": "1"}) == (
        Problem(
            "environment variable GATEPASS_SERVER__PROT", "`server.prot` is not a setting; the nearest is `server.port`"
        ),
    )
    assert read({"GATEPASS_HOME": "here"}) == (
        Problem("environment variable GATEPASS_HOME", "expected an absolute path"),
    )


def test_a_bad_option_is_named(tmp_path: Path) -> None:
    assert read({}, data=tmp_path, options={("server", "people_host"): "127.0.0.1"}) == (
        Problem("option --people-host", "`server.people_host`: expected another name than `server.agents_host`"),
    )


def test_the_variable_that_overrides_a_line_is_the_one_that_is_blamed(tmp_path: Path) -> None:
    found = problems(tmp_path, "[server]\nport = 8420\n", {"GATEPASS_SERVER__PORT": "-1"})
    assert found == [
        "environment variable GATEPASS_SERVER__PORT: `server.port`: expected a whole number from 0 to 65535"
    ]


def test_a_named_file_has_to_exist(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.toml"
    assert read({"GATEPASS_CONFIG": str(missing)}) == (
        Problem(f"`{missing}`", "cannot be read: No such file or directory"),
    )
    assert read({}, config=tmp_path) == (Problem(f"`{tmp_path}`", "cannot be read: Is a directory"),)


def test_a_key_that_was_put_into_the_file_by_mistake_is_not_repeated(tmp_path: Path) -> None:
    secret = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
    texts = [
        f'[key]\nsource = "{secret}"\n',
        f'[key]\nvalue = "{secret}"\n',
        f'[key]\nfile = "{secret}"\n',
        f"[key]\nsource = {secret}\n",
        f'[key]\nsource = "{secret}',
        f"key = '{secret}'",
        f'[server]\nport = "{secret}"\n',
    ]
    for text in texts:
        assert secret not in str(problems(tmp_path, text))
    assert secret not in str(problems(tmp_path, "", {"GATEPASS_KEY__SOURCE": secret}))


def test_every_setting_does_something() -> None:
    """A setting that nobody reads would be a promise. `server` reads them all."""
    modules = [ast.parse(path.read_text()) for path in SERVER.glob("*.py")]
    read_names = {node.attr for tree in modules for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    tables = (getattr(field.annotation, "model_fields", None) for field in Settings.model_fields.values())
    leaves = {name for table in tables if table is not None for name in table}
    assert leaves - read_names == set()


def test_lines_are_found_through_every_shape_of_toml() -> None:
    text = (
        "a.b = 1\n"
        "\n"
        "c = [ # why\n"
        "  1, # [d]\n"
        "\n"
        "  2,\n"
        "]\n"
        '"quoted key" = """\n[not.a.table]\n"""\n'
        "[d]\r\n"
        "  e = { f = 1, g = 2 }\n"
        "  # [commented]\n"
        "[d.h]\n"
        "i = '''\n\n'''\n"
        "[[j]]\n"
        "k = 1\n"
    )
    assert lines_of_keys(text) == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c",): 3,
        ("quoted key",): 8,
        ("d",): 11,
        ("d", "e"): 12,
        ("d", "e", "f"): 12,
        ("d", "e", "g"): 12,
        ("d", "h"): 14,
        ("d", "h", "i"): 15,
        ("j",): 18,
        ("j", "k"): 19,
    }


KEYS = st.sampled_from(["a", "b", "c", '"d e"', "f.g"])
VALUES = st.sampled_from(
    ["1", '"x"', '"""\n\nx\n"""', "[\n 1,\n\n 2\n]", "{ y = 1 }", "'''\n[z]\n'''", '"#"', "[[1], [2]]"]
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.sampled_from(["", "# x", "[t]", "[t.u]", "[[v]]", "  # [w]"]),
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_a_key_stands_on_the_line_that_begins_with_it(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.split("\n")
    for path, line in lines_of_keys(text).items():
        assert any(part in lines[line - 1] for part in path), (path, line)


@given(
    st.dictionaries(
        st.sampled_from(["GATEPASS_SERVER__PORT", "GATEPASS_X__Y", "GATEPASS___", "GATEPASS___A", "GATEPASS_A__"]),
        st.text(),
    )
)
def test_no_environment_makes_reading_raise(environment: dict[str, str]) -> None:
    found = read(environment, data=Path("/nonexistent"))
    assert isinstance(found, Settings | tuple)


@given(st.binary(max_size=80))
def test_no_file_makes_reading_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    found = read({}, config=written(folder, content), data=folder)
    assert isinstance(found, Settings | tuple)


@pytest.mark.parametrize(
    "url",
    ["https://agents.example.com", "http://127.0.0.1:8420", "https://agents.example.com:8443", "http://[::1]:8420"],
)
def test_the_agents_address_is_an_origin(url: str, tmp_path: Path) -> None:
    found = read({}, data=tmp_path, options={("server", "agents_url"): url})
    assert isinstance(found, Settings)
    assert found.server.agents_url == url
    assert found.server.base_url(1) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://agents.example.com/",
        "https://Agents.example.com",
        "HTTPS://agents.example.com",
        "https://agents.example.com:443",
        "http://agents.example.com:80",
        "https://agents.example.com:08443",
        "https://agents.example.com:99999",
        "https://agents.example.com/base",
        "https://ada@agents.example.com",
        "https://agents.example.com?x",
        "https://agents.example.com#x",
        "ftp://agents.example.com",
        "https://",
        "https://[0:0::1]",
        "agents.example.com",
        "https://agents.example.com\n",
    ],
)
def test_what_has_two_spellings_is_no_address_of_agents(url: str, tmp_path: Path) -> None:
    found = read({}, data=tmp_path, options={("server", "agents_url"): url})
    assert not isinstance(found, Settings)


def test_the_agents_address_is_made_of_their_host_and_the_port(tmp_path: Path) -> None:
    found = read({}, data=tmp_path)
    assert isinstance(found, Settings)
    assert found.server.base_url(8420) == "http://127.0.0.1:8420"
    assert found.server.base_url(80) == "http://127.0.0.1"
    assert found.server.agents_name == "127.0.0.1"


def test_agents_and_people_are_not_sent_to_the_same_name(tmp_path: Path) -> None:
    found = read({}, data=tmp_path, options={("server", "agents_url"): "https://localhost"})
    assert found == (
        Problem("option --agents-url", "`server.agents_url`: expected another host name than `server.people_host`"),
    )


def test_proxies_are_networks_in_their_one_spelling(tmp_path: Path) -> None:
    named = written(tmp_path, '[server]\ncertificate_proxies = ["10.0.0.7/32", "fd00::/64"]\n')
    settings = load({"GATEPASS_HOME": str(tmp_path)}, config=named)
    assert [str(network) for network in settings.server.certificate_proxies] == ["10.0.0.7/32", "fd00::/64"]
    environment = {"GATEPASS_HOME": str(tmp_path), "GATEPASS_SERVER__CERTIFICATE_PROXIES": "10.0.0.7/32 10.0.0.8/32"}
    assert len(load(environment).server.certificate_proxies) == 2
    for text in ('["10.0.0.7"]', '["10.0.0.7/24"]', "[3]", '["a name"]', "true", '{a = "10.0.0.7/32"}'):
        assert problems(tmp_path, f"[server]\ncertificate_proxies = {text}\n") == [
            '`gatepass.toml` line 2: `server.certificate_proxies`: expected a list of networks such as ["10.0.0.7/32"]'
        ]


def test_who_asks_for_which_upstream_is_a_list_of_pairs(tmp_path: Path) -> None:
    named = written(tmp_path, '[issuer]\nresource_servers = ["orders=orders-api", "git=ci"]\n')
    assert load({}, config=named).issuer.resource_servers == ("orders=orders-api", "git=ci")
    for text in ('["orders"]', '["=x"]', '["orders=a=b"]', '["Orders=x"]', '["a=b", "a=b"]', "7", "[7]"):
        (said,) = problems(tmp_path, f"[issuer]\nresource_servers = {text}\n")
        assert "expected a list of upstreams and agents" in said
