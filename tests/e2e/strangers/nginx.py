"""A real nginx that terminates TLS, asks for a client certificate, and says in RFC 9440's words what it saw."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.keys.x509.certificates import self_signed

ADDRESS = "127.0.0.77"
"""From which it connects to what is behind it, and nobody else does."""
LINES = 30

CONF = """
daemon off; worker_processes 1; {user} pid nginx.pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off; map_hash_bucket_size 4096;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  map $ssl_client_raw_cert $client_cert {{
    default "";
    "{pattern}" ":{joined}:";
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate server.pem; ssl_certificate_key server.key;
    ssl_verify_client optional_no_ca;
    location / {{
      proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_bind {address};
      proxy_set_header Host $http_host; proxy_set_header Connection "";
      proxy_set_header Client-Cert $client_cert; proxy_set_header Client-Cert-Chain "";
    }}
  }}
}}
"""


def configuration(port: int, behind: int) -> str:
    """nginx has the certificate as PEM: its lines are put together by a map."""
    more = "".join(rf"(?:(?<l{n}>[^-\n]+)\n)?" for n in range(1, LINES))
    pattern = rf"~^-----BEGIN CERTIFICATE-----\n(?<l0>[^-\n]+)\n{more}-----END CERTIFICATE-----\n?$"
    joined = "".join(f"${{l{n}}}" for n in range(LINES))
    user = "user root;" if os.geteuid() == 0 else ""
    return CONF.format(user=user, pattern=pattern, joined=joined, port=port, behind=behind, address=ADDRESS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def terminating(folder: Path, port: int, behind: int) -> Iterator[Path]:
    """nginx on `port`, in front of `behind`; yields its certificate, for clients that are to trust it."""
    folder.mkdir()
    _, certificate, key = self_signed("127.0.0.1")
    (folder / "server.pem").write_bytes(certificate)
    (folder / "server.key").write_bytes(key)
    (folder / "nginx.conf").write_text(configuration(port, behind))
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None, "nginx is installed by scripts/test"
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until_listening(port, process, folder / "log")
        yield folder / "server.pem"
    finally:
        process.terminate()
        process.wait(20)


def until_listening(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a program that was started takes connections."""
    end = time.monotonic() + 30
    while not _listens(port):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
