"""The key-encryption key is rotated under load, on a real key file: at no moment does a secret fail to open."""

import os
import stat
from pathlib import Path

import pytest

from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.errors import Unavailable
from gatepass.keys import Keyring, LiveKeyring, SealedSecret, Sealer, origin_of
from gatepass.registry import Upstream, UpstreamKind
from gatepass.storage import keyfile
from gatepass.vault import Custody

AT = Instant(1_763_820_000_000)


class House:
    """A key file, what seals with it, what opens with it, and the records in between."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.live = LiveKeyring(keyfile.load_or_create(path, AT, os.urandom), self.save)
        self.sealer = Sealer(self.live, os.urandom)
        self.custody = Custody(self.live)
        self.opened = 0
        self.records: dict[SecretId, SealedSecret] = {}
        self.upstreams: dict[SecretId, Upstream] = {}
        for number in range(20):
            self.store(number)

    def store(self, number: int) -> None:
        id_ = SecretId(f"sec_{number}")
        upstream = Upstream(
            id=UpstreamId(f"ups_{number}"),
            name=f"u{number}",
            kind=UpstreamKind.REST,
            target=f"https://u{number}.example",
            operations="",
        )
        self.upstreams[id_] = upstream
        self.records[id_] = self.sealer.seal(
            f"key of upstream {number}".encode(),
            id=id_,
            name=f"n{number}",
            upstream=upstream.id,
            origin=origin_of(upstream),
            version=1,
            at=AT,
        )

    def save(self, keyring: Keyring) -> None:
        self.calls()
        keyfile.replace(self.path, keyring)
        self.calls()

    def calls(self) -> None:
        """One call to every upstream."""
        for id_, record in self.records.items():
            number = id_.removeprefix("sec_")
            secret = self.custody.open(record, self.upstreams[id_])
            assert secret.expose_to(bytes) == f"key of upstream {number}".encode()
            self.opened += 1

    def restarted(self) -> Custody:
        """What opens after the process was killed now and started again on the same file."""
        keyring = keyfile.load_or_create(self.path, AT, os.urandom)
        return Custody(lambda: keyring)


def test_every_secret_opens_at_every_moment_of_three_rotations(tmp_path: Path) -> None:
    house = House(tmp_path / "sealing.key")
    for round_ in range(3):
        retired = house.live().current.id
        house.live.rotate(Instant(AT + round_), os.urandom)
        house.calls()
        for id_, record in list(house.records.items()):
            house.records[id_] = house.sealer.rewrap(record)
            house.calls()
            after_a_crash = house.restarted()
            for each, kept in house.records.items():
                assert after_a_crash.open(kept, house.upstreams[each]).origin == kept.origin
        assert {record.key_id for record in house.records.values()} == {house.live().current.id}
        house.live.drop(retired)
        house.calls()
    assert house.opened == 3 * 20 * (2 + 1 + 20 + 2 + 1)
    assert stat.S_IMODE(house.path.stat().st_mode) == 0o600
    assert len(Keyring.parse(house.path.read_text()).retired) == 0


def test_a_key_file_that_cannot_be_written_stops_the_rotation_and_nothing_else(tmp_path: Path) -> None:
    house = House(tmp_path / "sealing.key")
    before, text = house.live().current.id, house.path.read_text()
    house.path = tmp_path / "missing" / "sealing.key"
    with pytest.raises(Unavailable) as refused:
        house.live.rotate(AT, os.urandom)
    assert refused.value.code == "key_unusable"
    assert house.live().current.id == before
    assert (tmp_path / "sealing.key").read_text() == text
    house.calls()


def test_the_key_file_and_the_records_are_worth_nothing_alone(tmp_path: Path) -> None:
    house = House(tmp_path / "sealing.key")
    stored = b"".join(record.wrapped + record.nonce + record.ciphertext for record in house.records.values())
    for number in range(20):
        secret = f"key of upstream {number}".encode()
        assert secret not in stored
        assert secret not in house.path.read_bytes()
    stranger = House(tmp_path / "other.key")
    for id_, record in house.records.items():
        with pytest.raises(Unavailable):
            stranger.custody.open(record, house.upstreams[id_])
