"""What can be set, what each setting means, what it is when nobody sets it, and what is expected of a value.

`docs/settings.md` lists every one of them; a test holds the two together. Spans are milliseconds, sizes bytes.
No setting holds a secret: the sealing key stands in a file of its own or in the environment.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic.fields import FieldInfo

from gatepass.errors import Malformed
from gatepass.settings.positions import KeyPath
from gatepass.units import (
    DURATION_EXPECTED,
    RATE_EXPECTED,
    SIZE_EXPECTED,
    parse_duration,
    parse_rate,
    parse_size,
)

__all__ = [
    "HostSettings",
    "IssuerSettings",
    "KeySettings",
    "KeySource",
    "LifetimeSettings",
    "LimitSettings",
    "Origin",
    "Rate",
    "Settings",
    "SizeSettings",
    "TimeoutSettings",
]

_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)

_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^/:\[\]]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)
_USUAL: Final = {"http": "80", "https": "443"}
_LONGEST_LINE: Final = 200
_LAST_PORT: Final = 65_535
_MOST_NETWORKS: Final = 64
_MOST_PAIRS: Final = 64
_PAIR: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*=[a-z0-9]+(?:[.-][a-z0-9]+)*", re.ASCII)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` acts per `period` milliseconds."""

    count: int
    period: int


class Origin(NamedTuple):
    """Who said a setting: `file`, `environment` or `option`; and the line, the variable or the option."""

    origin: str
    where: str | None


class KeySource(StrEnum):
    """Where the key-encryption key comes from."""

    FILE = "file"
    ENVIRONMENT = "environment"


def _from_text(parse: Callable[[str], T]) -> BeforeValidator:
    """Read text with `parse`; anything but text is refused."""

    def reader(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError("not text")  # noqa: TRY004 - pydantic turns only ValueError into a problem
        try:
            return parse(value)
        except Malformed as error:
            raise ValueError(error.message) from None

    return BeforeValidator(reader)


def _whole(value: object) -> int:
    """A TOML integer, or its digits in the environment. `true` is not 1."""
    if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,11}", value, re.ASCII):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("not a whole number")


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text
        raise


def _origin(text: str) -> str:
    """An origin in its one spelling: what is compared byte for byte everywhere cannot have two."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise ValueError("not an origin")
    scheme, host, port = found.groups()
    plain = f"[{ipaddress.IPv6Address(host[1:-1])}]" if host.startswith("[") else _host(host)
    if plain != host or (port is not None and (int(port) > _LAST_PORT or port == _USUAL[scheme])):
        raise ValueError("not an origin in its one spelling")
    return text


def _networks(value: object) -> tuple[Network, ...]:
    """A list of networks, each in its one spelling; in the environment with spaces between them."""
    texts = value.split() if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError("not a list of networks")
    read = tuple(ipaddress.ip_network(text) for text in texts)
    if tuple(map(str, read)) != tuple(texts) or len(read) > _MOST_NETWORKS:
        raise ValueError("not networks in their one spelling")
    return read


def _pairs(value: object) -> tuple[str, ...]:
    """A list of `upstream=agent`, each once; in the environment with spaces between them."""
    texts = value.split() if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or len(texts) > _MOST_PAIRS or len(set(map(str, texts))) != len(texts):
        raise ValueError("not a list of pairs")
    if not all(isinstance(text, str) and _PAIR.fullmatch(text) for text in texts):
        raise ValueError("not pairs of names")
    return tuple(texts)


def _line(text: str) -> str:
    if not text.isprintable() or not 1 <= len(text) <= _LONGEST_LINE:
        raise ValueError("not one line")
    return text


def _absolute(text: str) -> Path:
    path = Path(text).expanduser()
    if not text.isprintable() or not path.is_absolute():
        raise ValueError("not an absolute path")
    return path


def _expects(what: str) -> FieldInfo:
    """What a complaint about the value, and the reference, say is expected."""
    info: FieldInfo = Field(json_schema_extra={"expected": what})
    return info


def _rate(text: str) -> Rate:
    return Rate(*parse_rate(text))


Duration = Annotated[int, _from_text(parse_duration), _expects(DURATION_EXPECTED)]
Size = Annotated[int, _from_text(parse_size), _expects(SIZE_EXPECTED)]
RateSetting = Annotated[Rate, _from_text(_rate), _expects(RATE_EXPECTED)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=65_535), _expects("a whole number from 0 to 65535")]
_COUNT = Field(ge=1, le=1_000_000_000, json_schema_extra={"expected": "a whole number from 1 to 1000000000"})
Count = Annotated[int, BeforeValidator(_whole), _COUNT]
OptionalCount = Annotated[int | None, BeforeValidator(_whole), _COUNT]
Host = Annotated[str, _from_text(_host), _expects("a host name in lower case or an IP address, without a port")]
OptionalUrl = Annotated[
    str | None,
    _from_text(_origin),
    _expects("an origin such as https://agents.example.com, in lower case, without a slash at its end"),
]
OptionalLine = Annotated[str | None, _from_text(_line), _expects("one line of at most 200 characters")]
_PATH = _expects("an absolute path, or one that starts with ~/")
Networks = Annotated[
    tuple[Network, ...],
    BeforeValidator(_networks),
    _expects('a list of networks such as ["10.0.0.7/32"]'),
]
Pairs = Annotated[
    tuple[str, ...],
    BeforeValidator(_pairs),
    _expects('a list of upstreams and agents such as ["orders=orders-api"]'),
]
AbsolutePath = Annotated[Path, _from_text(_absolute), _PATH]
OptionalPath = Annotated[Path | None, _from_text(_absolute), _PATH]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HostSettings(_Table):
    """`[server]`: where the one process listens, and under which names."""

    host: Host = Field(default="127.0.0.1", description="The address to listen on.")
    port: Port = Field(default=8420, description="The port to listen on; 0 takes a free one.")
    connections: Count = Field(default=1_000, description="Connections at once; one more is answered 503.")
    agents_host: Host = Field(
        default="127.0.0.1", description="The host name of agents and machines. It refuses the paths of people."
    )
    people_host: Host = Field(
        default="localhost", description="The host name of people. It refuses the paths of agents and machines."
    )

    agents_url: OptionalUrl = Field(
        default=None,
        description="The one address by which agents reach this deployment: the issuer's name, and the beginning of "
        "every audience. Without it, `http://`, the agents' host name and the port.",
    )

    certificate_proxies: Networks = Field(
        default=(),
        description="The proxies that terminate TLS and are believed about the certificates of clients "
        "(`Client-Cert`, RFC 9440). Everybody else's header is dropped.",
    )

    @property
    def agents_name(self) -> str:
        """The host name in `agents_url`, or else the one that agents are told."""
        found = None if self.agents_url is None else _ORIGIN.fullmatch(self.agents_url)
        return self.agents_host if found is None else found[2]

    def base_url(self, port: int) -> str:
        """How agents reach this deployment, which listens on `port`: an origin."""
        if self.agents_url is not None:
            return self.agents_url
        host = f"[{self.agents_host}]" if ":" in self.agents_host else self.agents_host
        return f"http://{host}" if str(port) == _USUAL["http"] else f"http://{host}:{port}"


class KeySettings(_Table):
    """`[key]`: where the key-encryption key, which seals the secrets in custody, comes from."""

    source: Annotated[KeySource, _expects("file or environment")] = Field(
        default=KeySource.FILE,
        description="`file`: a 0600 file, made at the first start. `environment`: the variable GATEPASS_KEY.",
    )
    file: OptionalPath = Field(default=None, description="The key file; without it, `sealing.key` in the data folder.")


class LimitSettings(_Table):
    """`[limits]`: the deployment's own ceiling, and what a token gets that names no limits of its own."""

    account: RateSetting = Field(
        default=Rate(120_000, 60_000),
        description="The ceiling of the whole deployment: calls that it lets through, all tokens together.",
    )
    attempts: RateSetting = Field(
        default=Rate(600, 60_000),
        description="A token's attempts; refused calls count too, so that a loop is slowed down.",
    )
    calls: RateSetting = Field(default=Rate(300, 60_000), description="A token's permitted calls.")
    issuances: RateSetting = Field(
        default=Rate(600, 60_000),
        description="An agent's requests for access tokens; refused ones count too, so that none mints without end.",
    )
    writes_per_minute: OptionalCount = Field(
        default=None, description="A token's permitted calls of any class but `read`, a minute."
    )
    requests_per_day: OptionalCount = Field(default=None, description="A token's permitted calls a UTC day.")


class LifetimeSettings(_Table):
    """`[lifetimes]`: how long things live when nobody says otherwise."""

    token: Duration = Field(default=28_800_000, description="A token for which no life was asked.")
    session: Duration = Field(default=28_800_000, description="A person's session after signing in.")
    fresh: Duration = Field(default=900_000, description="How long after signing in a person may widen anything.")
    signing_key: Duration = Field(
        default=2_592_000_000, description="How long one of the issuer's keys signs; the next one is published before."
    )
    sign_in_code: Duration = Field(default=600_000, description="The one-time sign-in code that `gatepass up` shows.")


class IssuerSettings(_Table):
    """`[issuer]`: what is said of every access token."""

    auditor: OptionalLine = Field(
        default=None, description="Whom an auditor's questions go to: an address or a name, kept with every issuance."
    )
    resource_servers: Pairs = Field(
        default=(),
        description="Which agent asks about the tokens of an upstream (introspection), in the name of the system "
        "behind it: `upstream=agent`.",
    )


class TimeoutSettings(_Table):
    """`[timeouts]`: how long we wait for others."""

    connect: Duration = Field(default=5_000, description="For a connection to an upstream.")
    answer: Duration = Field(default=60_000, description="For the head of an answer of a REST upstream.")
    idle: Duration = Field(default=60_000, description="Between two pieces of an answer of a REST upstream.")
    shutdown: Duration = Field(default=10_000, description="For calls in flight when the server is told to stop.")


class SizeSettings(_Table):
    """`[sizes]`: the most that we read. What a REST operation may send stands in the upstream's operations file."""

    mcp_request: Size = Field(default=1 << 20, description="A request to an MCP server; a larger one is refused.")


class Settings(_Table):
    """Everything that was set, with defaults for what was not."""

    data: AbsolutePath = Field(description="The data folder: the database, the journal, and the key file.")
    policies: tuple[str, ...] = Field(
        default=(), description="Policy files. Not supported yet: naming one stops the start."
    )
    server: HostSettings = HostSettings()
    key: KeySettings = KeySettings()
    limits: LimitSettings = LimitSettings()
    lifetimes: LifetimeSettings = LifetimeSettings()
    issuer: IssuerSettings = IssuerSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    sizes: SizeSettings = SizeSettings()
    _origins: dict[KeyPath, Origin] = PrivateAttr(default_factory=dict)

    @property
    def origins(self) -> Mapping[KeyPath, Origin]:
        """Who said each setting that somebody said, and where."""
        return MappingProxyType(self._origins)

    def said(self, origins: Mapping[KeyPath, Origin]) -> Self:
        """The same settings, knowing who said them."""
        self._origins.update(origins)
        return self
