"""Envelopes end to end against what bare paho-mqtt receives from the same Mosquitto.

    python -m tests.bench.bench_ingest [envelopes] [rounds]

End to end: MQTT, verified, durable (SQLite, synchronous=FULL), acknowledged, receipt. Ten readings
an envelope, mutual TLS 1.3. Both find the same backlog in the broker, so that whoever publishes
takes no part of the machine. The ratio travels to other machines, the numbers do not.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.factories.chains import Talker, a_usage
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from tests.fakes import mosquitto
from tests.fakes.database import all_tables, in_file
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.pki import Pki
from zaigang_collector import db
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.subscriber import Link, Subscriber
from zaigang_shared import topics
from zaigang_shared.clock import SystemClock

DEVICES = 20
READINGS = 10
BATCH = 256
WAIT_MS = 20
BAR = 0.5


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of this process on the CPUs: other work on the machine changes the
    first much, the second little."""

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> Cost:
        return cls(time.perf_counter(), time.process_time())

    def since(self, earlier: Cost) -> Cost:
        return Cost(self.wall_s - earlier.wall_s, self.cpu_s - earlier.cpu_s)


class Bench:
    """One Mosquitto, one database, some devices."""

    def __init__(self, folder: Path, broker: Mosquitto, pki: Pki) -> None:
        self.broker, self.pki = broker, pki
        all_tables()
        self.engine = in_file(folder)
        with db.writing(self.engine) as conn:
            now_ms = SystemClock().utc_ms()
            stored = [stored_laptop(conn, f"desk-{n}", now_ms=now_ms) for n in range(DEVICES)]
        self.talkers = [Talker(one.id, one.key) for one in stored]
        self.collector = pki.collector()
        self._before: list[tuple[int, bytes, int]] = []

    def rewind(self) -> None:
        """Say again what bare paho swallowed: nothing was stored of it."""
        for talker, (seq, head, up_ms) in zip(self.talkers, self._before, strict=True):
            talker.seq, talker.head, talker.up_ms = seq, head, up_ms

    def fill(self, count: int) -> None:
        """Leave `count` new envelopes at the broker, for the collector's session."""
        self._before = [(one.seq, one.head, one.up_ms) for one in self.talkers]
        senders = [
            threading.Thread(target=self._publish, args=(talker, count // DEVICES))
            for talker in self.talkers
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def bare(self, count: int) -> Cost:
        """What it takes until paho has received and acknowledged `count` messages, and done nothing."""
        done, left = threading.Event(), [count]

        def on_message(*_: Any) -> None:
            left[0] -= 1
            if not left[0]:
                done.set()

        client = self._client("collector", self.collector)
        client.on_message = on_message
        started = Cost.now()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        assert done.wait(300)
        took = Cost.now().since(started)
        client.disconnect()
        client.loop_stop()
        return took

    def ours(self, count: int) -> Cost:
        """What it takes until `count` envelopes are durable, acknowledged, and their receipts sent."""
        intake = Intake(self.engine, VAULT, ed25519_key("receipt"), SystemClock(), os.urandom)
        link = Link("127.0.0.1", self.broker.port, self.collector, "collector")
        subscriber = Subscriber(link, intake, SystemClock(), batch=BATCH, wait_ms=WAIT_MS)
        started = Cost.now()
        subscriber.start()
        while subscriber.progress.accepted < count:
            time.sleep(0.005)
        took = Cost.now().since(started)
        subscriber.stop()
        intake.close()
        return took

    def prepare(self) -> None:
        """Make the broker keep what comes while the collector is away."""
        client, granted = self._client("collector", self.collector), threading.Event()
        client.on_subscribe = lambda *_: granted.set()
        self._connect(client)
        client.subscribe([(topics.ALL_UP, 1), (topics.ALL_STATE, 1)])
        assert granted.wait(20)
        client.disconnect()
        client.loop_stop()

    def _publish(self, talker: Talker, count: int) -> None:
        client, left, done = (
            self._client(talker.id, self.pki.device(talker.id, talker.key)),
            [count],
            threading.Event(),
        )

        def on_publish(*_: Any) -> None:
            left[0] -= 1
            if not left[0]:
                done.set()

        client.on_publish = on_publish
        client.max_inflight_messages_set(200)
        self._connect(client)
        for _ in range(count):
            raws = [a_usage(talker.up_ms + step) for step in range(READINGS)]
            data = talker.seal(talker.up_ms + 60_000, readings=raws)
            client.publish(topics.up(talker.id), data, qos=1)
        talker.sent.clear()
        assert done.wait(300)
        client.disconnect()
        client.loop_stop()

    def _connect(self, client: mqtt.Client) -> None:
        """What paho is given before the broker has answered, it may lose count of."""
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        assert connected.wait(20)

    def _client(self, name: str, tls: Any) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        client.tls_set_context(tls)
        return client


def main(count: int, rounds: int) -> int:
    """Print a table; 1 when the ratio is below the bar."""
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pki = Pki.create(folder / "pki")
        with mosquitto.running(folder, pki) as broker:
            bench = Bench(folder, broker, pki)
            bench.prepare()
            print(
                f"{count} envelopes, {READINGS} readings each, {DEVICES} devices, {os.cpu_count()} CPUs"
            )
            for turn in range(1, rounds + 1):
                bench.fill(count)
                bare = bench.bare(count)
                bench.rewind()
                bench.fill(count)
                ours = bench.ours(count)
                ratios.append(bare.wall_s / ours.wall_s)
                print(f"round {turn}: {_line('bare', bare, count)}  {_line('ours', ours, count)}")
                print(f"         ratio {ratios[-1]:.2f}, by CPU {bare.cpu_s / ours.cpu_s:.2f}")
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, bar {BAR}")
    return int(median < BAR)


def _line(name: str, cost: Cost, count: int) -> str:
    return f"{name} {count / cost.wall_s:6.0f}/s {cost.cpu_s / count * 1e6:4.0f} us CPU each"


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(arguments + [10_000, 3][len(arguments) :])))
