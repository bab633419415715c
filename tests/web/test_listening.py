"""What a connection inherits from the socket that is listened on."""

import socket
from pathlib import Path

from gatepass.server.running import _listen
from gatepass.settings import load


def test_the_second_piece_of_an_answer_waits_for_no_acknowledgement(tmp_path: Path) -> None:
    """asyncio leaves Nagle's algorithm on where a listener was made without naming TCP: 40 ms an answer."""
    settings = load({}, data=tmp_path, options={("server", "port"): 0})
    with _listen(settings) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
