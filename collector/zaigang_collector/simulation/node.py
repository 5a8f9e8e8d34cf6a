"""What a site node says of a day: air, what it broadcast, its network, its health, badges heard."""

from __future__ import annotations

from collections.abc import Iterator

from zaigang_collector.simulation import radio, sensors
from zaigang_collector.simulation.batches import Batch, Boot
from zaigang_collector.simulation.places import NodeSpec, SiteSpec
from zaigang_collector.simulation.script import MINUTE_MS, Script
from zaigang_collector.simulation.siteday import LAST_MIN, SiteAir, SiteFaults
from zaigang_collector.simulation.streams import Stream, secret, stream
from zaigang_shared import readings, rid
from zaigang_shared.network_hash import network_hash

_EAR = radio.Ear(floor_dbm=-92.0, duty=0.6)
"""A Pi listens to badges most of the time."""


def day(
    node: NodeSpec,
    site: SiteSpec,
    base_ms: int,
    air: SiteAir,
    faults: SiteFaults,
    net_key: bytes,
    draw: Stream,
) -> list[Batch]:
    """All batches of one node on one day; none while it is down, a new boot after that."""
    phase_ms = draw.randint(0, MINUTE_MS - 1)
    boot = _boot(node, base_ms - draw.randint(1, 20) * 86_400_000, draw)
    room = air.room(node.spot.room)
    net = network_hash(net_key, site.gateways[0])
    found: list[Batch] = []
    was_down = False
    for minute in range(-120, LAST_MIN):
        if faults.is_down(minute):
            was_down = True
            continue
        end_ms = base_ms + (minute + 1) * MINUTE_MS + phase_ms
        if was_down:
            boot, was_down = _boot(node, end_ms - 90_000, draw), False
        t_ms = boot.up_ms(end_ms)
        temp, ratio = room.at(max(0, minute))
        said = [
            _environment(node, temp, ratio, t_ms, draw),
            _advert(end_ms - faults.rid_late_ms, t_ms),
        ]
        if minute % 5 == 0:
            said.append(
                readings.Network(
                    t_ms=t_ms, span_ms=0, link="ethernet", vpn=False, net=net, vantage=None
                )
            )
        found.append(Batch(boot, end_ms + 150, tuple(said), online=True))
    return found


def badges(
    script: Script,
    node: NodeSpec,
    faults: SiteFaults,
    batches: list[Batch],
    seed: int,
    draw: Stream,
) -> Iterator[tuple[int, readings.Reading]]:
    """The person's badge as this node hears it: index of the batch, and the reading."""
    badge, site, plan = script.person.badge, script.site, script.plan
    if badge is None:
        return
    power = script.person.badge_power_1m_dbm
    shadows: dict[int, float] = {}
    for index, batch in enumerate(batches):
        minute = (batch.sealed_ms - script.base_ms) // MINUTE_MS - 1
        if not plan.from_min <= minute < plan.to_min or faults.silent_at(minute):
            continue
        spot = plan.at(minute).badge
        dbm = radio.mean_dbm(site, power, spot, node.spot)
        if dbm is None:
            continue
        if spot.room not in shadows:
            name = stream(seed, "shadow", script.person.employee_id, "badge", spot.room)
            shadows[spot.room] = radio.shadow_db(name) - abs(draw.gauss(0, 5))  # the wearer's body
        dbm += shadows[spot.room] + draw.gauss(0, radio.SWAY_DB)
        count = sum(radio.heard_count(dbm, _EAR, draw) for _ in range(4))
        if count:
            yield index, _badge(badge, batch, count, dbm)


def _badge(badge: bytes, batch: Batch, count: int, dbm: float) -> readings.Reading:
    t_ms = batch.readings[0].t_ms
    strength = max(-120, min(0, round(dbm)))
    return readings.Beacon(
        t_ms=t_ms,
        span_ms=min(MINUTE_MS, t_ms),
        scheme="badge",
        id=badge,
        n=count,
        rssi_max=min(0, strength + 4),
        rssi_med=strength,
        first_t=max(0, t_ms - 55_000),
        last_t=max(0, t_ms - 4_000),
    )


def _boot(node: NodeSpec, started_ms: int, draw: Stream) -> Boot:
    return Boot(secret(started_ms, node.device_id)[:16], started_ms, draw.gauss(0, 15))


def _environment(
    node: NodeSpec, temp: float, ratio: float, t_ms: int, draw: Stream
) -> readings.Reading:
    warm = temp + node.self_heat_c
    temp_c, rh_pct = sensors.measure(warm, ratio, node.temp_off_c, node.rh_off_pct, draw)
    told = node.self_heat_c * node.self_heat_error + draw.gauss(0, 0.05)
    return readings.Environment(
        t_ms=t_ms,
        span_ms=0,
        sensor=node.sensor,
        model=node.sensor,
        temp_c=temp_c,
        rh_pct=rh_pct,
        via="i2c",
        temp_acc_c=node.temp_acc_c,
        rh_acc_pct=node.rh_acc_pct,
        self_heat_c=round(max(0.0, told), 2),
    )


def _advert(shown_ms: int, t_ms: int) -> readings.Reading:
    last = rid.slot_at(shown_ms)
    return readings.Advert(
        t_ms=t_ms, span_ms=min(MINUTE_MS, t_ms), slot_first=last - 4, slot_last=last, ok=True
    )
