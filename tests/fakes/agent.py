"""A device's surroundings without any network: an identity, an uplink, a collector's chain check."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zaigang_agent import keys
from zaigang_agent.errors import SampleError
from zaigang_agent.keys import Card, Identity, Kind
from zaigang_agent.samplers.base import Now
from zaigang_agent.spool import Spool
from zaigang_agent.uplink import Waiting
from zaigang_shared import device_config, envelope, receipt
from zaigang_shared.device_config import DeviceConfig, SignedConfig
from zaigang_shared.envelope import FIRST_PREV, Envelope
from zaigang_shared.readings import Reading, Usage, decode_all
from zaigang_shared.receipt import Receipt

DEVICE_ID = "lap-test000001"
NET_KEY = bytes(range(32))
BOOT = bytes([7]) * 16


def key_named(name: str) -> Ed25519PrivateKey:
    """The key that always belongs to `name`."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


COLLECTOR = key_named("collector")


def a_config(
    config: DeviceConfig | None = None, version: int = 1, device_id: str = DEVICE_ID
) -> bytes:
    """A configuration as the collector signs it; without working hours if nothing is said."""
    config = config or DeviceConfig(hours=None, net_key=NET_KEY)
    return device_config.sign_config(COLLECTOR, SignedConfig(device_id, version, 1, config))


def enrolled(
    state_dir: Path,
    config: DeviceConfig | None = None,
    kind: Kind = "laptop",
    device_id: str = DEVICE_ID,
) -> Identity:
    """A state folder as enrolment leaves it, except for certificates."""
    state_dir.mkdir(mode=0o700, exist_ok=True)
    keys.make_key(state_dir / keys.KEY)
    pem = COLLECTOR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    keys.write(state_dir / keys.COLLECTOR_KEY, pem)
    keys.write(state_dir / keys.CONFIG, a_config(config, device_id=device_id))
    Spool.create(state_dir, device_id)
    keys.write_card(
        state_dir,
        Card(
            device_id=device_id,
            kind=kind,
            name="desk-7",
            collector_url="https://localhost:1",
            mqtt_host="localhost",
            mqtt_port=1,
            not_before_ms=0,
            not_after_ms=2**45,
        ),
    )
    return keys.load(state_dir)


def a_usage(t_ms: int, span_ms: int = 0) -> Usage:
    """A reading that says little."""
    return Usage(t_ms=t_ms, span_ms=span_ms, active=1, regular=False, session="local", locked=False)


@dataclass
class Store:
    """The collector's side of one chain: takes envelopes in any order, any number of times."""

    public_key: Ed25519PublicKey
    device_id: str = DEVICE_ID
    envelopes: dict[int, Envelope] = field(default_factory=dict)

    def take(self, data: bytes) -> Envelope:
        """Fails the test for a bad signature, a fork, or readings that would be refused."""
        opened = envelope.open_sealed(data, self.public_key)
        decode_all(opened.readings, opened.seal.up_ms)
        known = self.envelopes.setdefault(opened.seal.seq, opened)
        assert known.data == data, f"fork at {opened.seal.seq}"
        return opened

    @property
    def through(self) -> int:
        """The last seq before the first hole."""
        seq = 0
        while seq + 1 in self.envelopes:
            seq += 1
        return seq

    def receipt(self, through: int | None = None, at_ms: int = 1_790_000_000_000) -> bytes:
        """The receipt for all that is here, or less."""
        through = self.through if through is None else through
        head = self.envelopes[through].digest
        return receipt.sign_receipt(COLLECTOR, Receipt(self.device_id, through, head, at_ms))

    def check_chain(self) -> None:
        """Whole from the first to the last: each names the one before."""
        prev = FIRST_PREV
        for seq in range(1, len(self.envelopes) + 1):
            assert self.envelopes[seq].seal.prev == prev, f"chain broken at {seq}"
            prev = self.envelopes[seq].digest

    def readings(self) -> list[Reading]:
        """All readings in order."""
        return [
            reading
            for seq in sorted(self.envelopes)
            for reading in decode_all(self.envelopes[seq].readings, self.envelopes[seq].seal.up_ms)
            if reading is not None
        ]


class FakeUplink:
    """`runner.Uplink` straight into a Store; set `connected` to False for an outage."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.problem: str | None = None
        self.connected = True
        self.inbox: list[bytes] = []
        self.stopped = False
        self.reconnects: list[tuple[str, int]] = []

    def pump(self, spool: Waiting) -> int:
        if not self.connected:
            return 0
        rows = spool.after(0, 1000)
        for _, data in rows:
            self.store.take(data)
        if rows:
            self.inbox.append(self.store.receipt())
        return len(rows)

    def received(self) -> list[bytes]:
        messages, self.inbox = self.inbox, []
        return messages

    def due_ms(self, spool: Waiting) -> int:
        return 60_000

    def reconnect(self, host: str, port: int) -> None:
        self.reconnects.append((host, port))

    def stop(self) -> None:
        self.stopped = True


class FakeSampler:
    """Says what it is told to, every ten seconds."""

    def __init__(self, name: str = "fake", *, personal: bool = True) -> None:
        self.name = name
        self.personal = personal
        self.looks: list[Now] = []
        self.trouble: SampleError | Exception | None = None
        self.extra: list[Reading] = []

    def interval_s(self, config: DeviceConfig) -> int:
        return 10

    def sample(self, now: Now) -> Sequence[Reading]:
        self.looks.append(now)
        if self.trouble is not None:
            raise self.trouble
        extra, self.extra = self.extra, []
        return [a_usage(now.boot_ms, now.span_ms), *extra]
