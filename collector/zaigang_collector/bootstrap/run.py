"""`serve`: broker, ingest, device endpoint, REST interface and judging in one process.

Start: what others need first (broker, then its subscriber, then the doors). Stop: the doors first,
so that nothing comes in that nobody takes, and the database last. Killed at any moment, the next
start finds what was committed and devices send the rest again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from types import TracebackType
from typing import Final, Protocol

import uvicorn

from zaigang_collector.api.deps import Services
from zaigang_collector.app import api_app
from zaigang_collector.bootstrap import anchoring, bundling, casework, http, pulse, vouching
from zaigang_collector.bootstrap.alerting import AlertsOfRules
from zaigang_collector.bootstrap.alone import alone
from zaigang_collector.bootstrap.anchoring import Anchorer
from zaigang_collector.bootstrap.casework import Casework
from zaigang_collector.bootstrap.connecting import Connecting
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.hooks import hooks_of
from zaigang_collector.bootstrap.mqtt import OWN_ADDRESS, mqtt_running
from zaigang_collector.bootstrap.notify import notify as tell
from zaigang_collector.bootstrap.pulse import Pulse
from zaigang_collector.bootstrap.retaining import Retaining
from zaigang_collector.bootstrap.sequencing import Sequencing
from zaigang_collector.bootstrap.texts import texts_of
from zaigang_collector.bootstrap.worker import Worker, judge
from zaigang_collector.devices import keyring
from zaigang_collector.devices.device_api import DeviceServices, device_app
from zaigang_collector.devices.tls_server import server_config
from zaigang_collector.ledger import service as ledger_service
from zaigang_collector.reports import settings as paper_settings
from zaigang_collector.reports.typesetting import TEMPLATE_FOLDER, Press

_LOG = logging.getLogger(__name__)

# How long a start may take before whoever waits for it gives up.
START_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the doors are; written to `run/ports.json`."""

    api: int
    device: int
    mqtt: int


def serve(collector: Opened, stop_on: Sequence[signal.Signals], notify: str | None = None) -> None:
    """Run until one of the signals comes. `notify`: systemd's $NOTIFY_SOCKET."""
    # Ours at the level that was set. Libraries tell at `info` how they are made, and at `debug`
    # what passes through them, which is nobody's business.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("zaigang_collector").setLevel(collector.settings.log_level.upper())

    async def until_signal() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in stop_on:
            loop.add_signal_handler(number, stop.set)
        alive, period = Pulse(collector.clock), pulse.period_s(os.environ, os.getpid())
        async with (
            running(collector, alive) as ports,
            pulse.feeding(alive, notify, period, (_own_address(collector), ports.api)),
        ):
            _LOG.info("serving: %s", asdict(ports))
            tell(notify, "READY=1")
            await stop.wait()
            tell(notify, "STOPPING=1")

    asyncio.run(until_signal())


class _Part(Protocol):
    """What works in a thread of its own."""

    @property
    def problem(self) -> str | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


@contextlib.asynccontextmanager
async def running(collector: Opened, alive: Pulse | None = None) -> AsyncIterator[Ports]:
    """Everything started on entry and stopped on exit. `alive` is told as it gets on."""
    settings = collector.settings
    alive = Pulse(collector.clock) if alive is None else alive
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(alone(collector.directory))
        now_ms = collector.clock.utc_ms()
        keyring.renew_own(collector.directory, settings, collector.keys, now_ms)
        ledger = Sequencing(
            collector, partial(alive.beat, pulse.LEDGER), partial(alive.excuse, pulse.LEDGER)
        )
        anchorer = Anchorer(collector, ledger_service)
        for behind in await asyncio.to_thread(anchorer.before_sequencing):
            ledger.withhold(behind.sentence)
        worker = Worker(collector, partial(alive.beat, pulse.JUDGING))
        mqtt = await stack.enter_async_context(mqtt_running(collector, alive.beat))
        connecting, retaining = Connecting(collector), Retaining(collector)
        cases = Casework(collector, alerts=AlertsOfRules(judge(collector)))
        parts: tuple[_Part, ...] = (ledger, anchorer, worker, connecting, retaining, cases)
        for part in parts:
            part.start()
            stack.push_async_callback(asyncio.to_thread, part.stop)

        def not_working() -> list[str]:
            told = [mqtt.problem(), *(part.problem for part in parts)]
            return [problem for problem in told if problem]

        device = http.listen(settings.device_host, settings.device_port, "device endpoint")
        stack.callback(device.close)
        api = http.listen(settings.api_host, settings.api_port, "REST interface")
        stack.callback(api.close)
        await stack.enter_async_context(_served(_device_config(collector, mqtt.port), device))
        await stack.enter_async_context(_served(_api_config(collector, not_working), api))
        ports = Ports(http.port_of(api), http.port_of(device), mqtt.port)
        _write_ports(collector, ports)
        stack.callback(collector.directory.ports.unlink, missing_ok=True)
        yield ports


class Background:
    """`running` in a thread, for the demo and for tests. Raises what the start raised."""

    def __init__(self, collector: Opened) -> None:
        self._collector = collector
        self._started: concurrent.futures.Future[Ports] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def __enter__(self) -> Ports:
        self._thread.start()
        return self._started.result(START_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            # A loop that has ended by itself needs no stopping.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  # carried over to the thread that waits
            if not self._started.done():
                self._started.set_exception(error)
            else:
                _LOG.critical("the collector stopped: %s", error)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with running(self._collector) as ports:
            self._started.set_result(ports)
            await self._stop.wait()


@contextlib.asynccontextmanager
async def _served(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    server = http.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            await task  # raises what kept it from starting
            raise RuntimeError("a server ended before it had started")
        await asyncio.sleep(0.01)  # uvicorn offers a flag and no event
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _own_address(collector: Opened) -> str:
    """Where the REST interface answers this machine itself."""
    host = collector.settings.api_host
    return OWN_ADDRESS.get(host, host)


def _device_config(collector: Opened, mqtt_port: int) -> uvicorn.Config:
    settings = collector.settings
    host = settings.mqtt_public_host or settings.public_host
    port = settings.mqtt_public_port or mqtt_port
    services = DeviceServices(
        engine=collector.engine,
        issuer=collector.issuer,
        clock=collector.clock,
        mqtt=lambda: (host, port),
    )
    config = server_config(device_app(services), collector.directory)
    config.timeout_graceful_shutdown = http.GRACE_S
    return config


def _api_config(collector: Opened, not_working: Callable[[], list[str]]) -> uvicorn.Config:
    made = judge(collector)
    services = Services(
        engine=collector.engine,
        clock=collector.clock,
        randomness=collector.randomness,
        collector_key=made.collector_key,
        ledger_key=collector.signer().verifier,
        policy=made.policy,
        vault=collector.vault,
        witness=anchoring.cosigner(collector),
        net_key=collector.keys.net_key,
        bundle=lambda name, purpose: bundling.make(collector, name, purpose),
        ready=not_working,
        margin_min=collector.settings.margin_min,
        texts=texts_of(collector),
        hooks=hooks_of(collector),
        case_policy=casework.case_policy(collector),
        alerts=AlertsOfRules(made),
        scan_command=casework.scan_command(collector),
        press=Press(collector.directory.root / TEMPLATE_FOLDER),
        paper_settings=paper_settings.read(collector.directory.root),
        provider=vouching.provider(collector),
    )
    return uvicorn.Config(
        api_app(services),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=http.GRACE_S,
    )


def _write_ports(collector: Opened, ports: Ports) -> None:
    """Whole or not at all: somebody may be waiting for this file."""
    path = collector.directory.ports
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(ports)), encoding="utf-8")
    fresh.replace(path)
