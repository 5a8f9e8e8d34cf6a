"""The broker, embedded or another program, and our subscription to it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.http import not_listening
from zaigang_collector.bootstrap.watch import Watch
from zaigang_collector.config import DataDirectory
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceKey
from zaigang_collector.ingest import oddities
from zaigang_collector.ingest.broker import BrokerFiles, EmbeddedBroker
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.subscriber import Link, Subscriber

CLIENT_ID: Final = "collector-main"
# The embedded broker answers within milliseconds. Larger hides that it does not; smaller fails the
# start on a loaded machine.
_SUBSCRIBE_S: Final = 20.0
# Who listens everywhere is reached here; the server's certificate is for these as well.
OWN_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # not listened on here


@dataclass(frozen=True)
class Mqtt:
    """What runs, and where."""

    port: int
    """On which devices are expected."""
    subscriber: Subscriber
    intake: Intake

    def problem(self) -> str | None:
        """What is wrong, in a sentence; None: nothing."""
        if self.subscriber.is_healthy:
            return self.intake.problem()
        return "The collector is not connected to the MQTT broker; devices keep what they read."


@contextlib.asynccontextmanager
async def mqtt_running(
    collector: Opened, got_on: Callable[[str], None] = lambda consumer: None
) -> AsyncIterator[Mqtt]:
    """Broker first, subscriber second; stopped the other way round. `got_on`: as in Subscriber."""
    async with contextlib.AsyncExitStack() as stack:
        settings = collector.settings
        host, port, broker = settings.mqtt_host, settings.mqtt_port, None
        if settings.broker == "embedded":
            broker = _embedded(collector)
            stack.push_async_callback(broker.stop)
            with not_listening("MQTT broker", settings.mqtt_host, settings.mqtt_port):
                port = await broker.start(settings.mqtt_host, settings.mqtt_port)
            host = OWN_ADDRESS.get(settings.mqtt_host, settings.mqtt_host)
        watch = Watch(collector, broker)
        subscriber, intake = _subscriber(collector, host, port, broker, watch, got_on)
        stack.callback(intake.close)
        subscriber.start()
        stack.push_async_callback(asyncio.to_thread, subscriber.stop)
        if broker is not None:
            await asyncio.to_thread(subscriber.wait_subscribed, _SUBSCRIBE_S)
        watch.start(subscriber)
        stack.push_async_callback(asyncio.to_thread, watch.stop)
        yield Mqtt(port, subscriber, intake)


def _embedded(collector: Opened) -> EmbeddedBroker:
    def known(device_id: str) -> DeviceKey | None:
        with collector.reading() as conn:
            return devices.public_keys(conn, [device_id]).get(device_id)

    def two_hosts(device_id: str) -> None:
        with collector.writing() as conn:
            why = "two addresses took the connection from each other again and again"
            oddities.quarantine(
                conn, device_id, why, collector.clock.utc_ms(), collector.randomness
            )

    directory = collector.directory
    files = BrokerFiles(
        str(directory.server_certificate), str(directory.server_key), str(directory.ca_certificate)
    )
    return EmbeddedBroker(files, known, collector.clock, two_hosts)


def _subscriber(
    collector: Opened,
    host: str,
    port: int,
    broker: EmbeddedBroker | None,
    watch: Watch,
    got_on: Callable[[str], None],
) -> tuple[Subscriber, Intake]:
    intake = Intake(
        collector.engine,
        collector.vault,
        collector.keys.receipt_key,
        collector.clock,
        collector.randomness,
    )
    subscriber = Subscriber(
        Link(host, port, _client_tls(collector.directory), CLIENT_ID),
        intake,
        collector.clock,
        batch=collector.settings.ingest_batch,
        wait_ms=collector.settings.ingest_wait_ms,
        on_quarantine=(lambda device_id: None) if broker is None else broker.disconnect,
        on_state=watch.heard,
        on_connected=watch.connected,
        got_on=got_on,
    )
    return subscriber, intake


def _client_tls(directory: DataDirectory) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(directory.ca_certificate)
    context.load_cert_chain(directory.mqtt_certificate, directory.mqtt_key)
    return context
