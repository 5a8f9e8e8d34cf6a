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
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.factories.chains import Talker, a_usage
from tests.factories.devices import ed25519_key, stored_laptop
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

    def bare(self, count: int) -> float:
        """Seconds in which paho receives and acknowledges `count` messages, and does nothing."""
        done, left = threading.Event(), [count]

        def on_message(*_: Any) -> None:
            left[0] -= 1
            if not left[0]:
                done.set()

        client = self._client("collector", self.collector)
        client.on_message = on_message
        started = time.perf_counter()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        assert done.wait(300)
        took = time.perf_counter() - started
        client.disconnect()
        client.loop_stop()
        return took

    def ours(self, count: int) -> float:
        """Seconds until `count` envelopes are durable, acknowledged, and their receipts sent."""
        intake = Intake(self.engine, ed25519_key("receipt"), SystemClock(), os.urandom)
        link = Link("127.0.0.1", self.broker.port, self.collector, "collector")
        subscriber = Subscriber(link, intake, SystemClock(), batch=BATCH, wait_ms=WAIT_MS)
        started = time.perf_counter()
        subscriber.start()
        while subscriber.progress.accepted < count:
            time.sleep(0.005)
        took = time.perf_counter() - started
        subscriber.stop()
        intake.close()
        return took

    def prepare(self) -> None:
        """Make the broker keep what comes while the collector is away."""
        client, granted = self._client("collector", self.collector), threading.Event()
        client.on_connect = lambda *_: client.subscribe([(topics.ALL_UP, 1), (topics.ALL_STATE, 1)])
        client.on_subscribe = lambda *_: granted.set()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
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
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        for _ in range(count):
            raws = [a_usage(talker.up_ms + step) for step in range(READINGS)]
            data = talker.seal(talker.up_ms + 60_000, readings=raws)
            client.publish(topics.up(talker.id), data, qos=1)
        talker.sent.clear()
        assert done.wait(300)
        client.disconnect()
        client.loop_stop()

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
                bare = count / bench.bare(count)
                bench.rewind()
                bench.fill(count)
                ours = count / bench.ours(count)
                ratios.append(ours / bare)
                print(
                    f"round {turn}: bare {bare:7.0f}/s  ours {ours:7.0f}/s  ratio {ratios[-1]:.2f}"
                )
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, bar {BAR}")
    return int(median < BAR)


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(arguments + [10_000, 3][len(arguments) :])))
