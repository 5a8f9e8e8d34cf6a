"""For machines that watch: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api.deps import Given, Services, needs
from zaigang_collector.api.problems import ProblemError, responses
from zaigang_collector.assessment import store
from zaigang_collector.connectors import state as connectors
from zaigang_collector.devices import service as devices
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.model import DeviceHealth
from zaigang_shared import __version__

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    """Whether the process answers at all."""
    return "ok\n"


@router.get("/readyz", response_class=PlainTextResponse, responses=responses(503))
def readyz(given: Given) -> str:
    """Whether it does its work: database, broker, ingest."""
    wrong = given.ready()
    if wrong:
        raise ProblemError(503, " ".join(wrong))
    return "ready\n"


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[Depends(needs(Scope.READ_HEALTH))],
    responses=responses(401, 403),
)
def metrics(given: Given) -> Response:
    """Prometheus text format. Numbers only: no names, no places."""
    registry = CollectorRegistry()
    registry.register(_Numbers(given))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Numbers(Collector):
    """Reads the database when asked, so that a restart forgets nothing."""

    def __init__(self, given: Services) -> None:
        self._given = given

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("zaigang_up", f"Collector {__version__} is running.", 1)
        with db.reading(self._given.engine) as conn:
            yield from _ingest(conn, self._given.clock.utc_ms())
            verdicts = GaugeMetricFamily(
                "zaigang_assessments", "Newest assessments by answer.", labels=["presence"]
            )
            for presence, number in sorted(store.count_by_presence(conn).items()):
                verdicts.add_metric([presence], number)
            yield verdicts
            yield from _sources(conn, self._given.clock.utc_ms())


def _sources(conn: Connection, now_ms: int) -> Iterator[Metric]:
    heard = GaugeMetricFamily(
        "zaigang_source_silent",
        "1: nothing comes of this source of clock-ins.",
        labels=["source", "kind"],
    )
    for one in connectors.list_all(conn):
        silent = connectors.silence_of(one, now_ms) is not None
        heard.add_metric([one.source, one.kind.value], int(silent))
    yield heard


def _fleet(conn: Connection) -> list[DeviceHealth]:
    fleet: list[DeviceHealth] = []
    after = ""
    while found := devices.list_all(conn, after):
        fleet += ingest.health(conn, [one.id for one in found])
        after = found[-1].id
    return fleet


def _ingest(conn: Connection, now_ms: int) -> Iterator[Metric]:
    fleet = _fleet(conn)
    online = sum(1 for one in fleet if one.online)
    yield GaugeMetricFamily("zaigang_devices", "Devices enrolled.", len(fleet))
    yield GaugeMetricFamily("zaigang_devices_online", "Devices that said they are.", online)
    stored = CounterMetricFamily("zaigang_envelopes", "Envelopes stored.", labels=["device"])
    silent = GaugeMetricFamily(
        "zaigang_device_silent_seconds", "Since its last envelope.", labels=["device"]
    )
    missing = GaugeMetricFamily(
        "zaigang_envelopes_missing", "Holes in the chain.", labels=["device"]
    )
    for one in fleet:
        stored.add_metric([one.device_id], one.chain.stored)
        missing.add_metric([one.device_id], one.chain.missing)
        if one.seen_ms is not None:
            silent.add_metric([one.device_id], max(0, now_ms - one.seen_ms) / 1000)
    yield from (stored, silent, missing)
    refused = CounterMetricFamily(
        "zaigang_refused", "Messages that were not accepted.", labels=["reason"]
    )
    by_reason: dict[str, int] = {}
    for refusal in ingest.refusals(conn):
        by_reason[refusal.reason] = by_reason.get(refusal.reason, 0) + refusal.count
    for reason, number in sorted(by_reason.items()):
        refused.add_metric([reason], number)
    yield refused
