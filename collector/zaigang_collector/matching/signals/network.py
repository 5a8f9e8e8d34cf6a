"""Network: on a network known for the site, or on the employee's own known other place.

The keyed hash of the gateway may locate a laptop. Egress addresses and unknown networks are
context: bounded over the whole interval, and never one of the families behind a contradiction.
"""

from __future__ import annotations

import bisect
import functools
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.signals.beacon import silence_llr
from zaigang_collector.matching.timeline import Device, Lane, Scene, order
from zaigang_shared.readings import Network, Session

_ENDS: Final = frozenset({"shutdown", "suspend"})


class Held(NamedTuple):
    """A network reading and the slots that it stands for."""

    timed: TimedReading
    network: Network
    slots: Sequence[int]
    ender: TimedReading | None
    """What ended it before its time."""


def held(scene: Scene, device: Device) -> list[Held]:
    """Each network reading stands until the next one, a suspend or a shutdown, or for
    `network_hold_s`."""
    found = sorted(device.of(Network), key=order)
    ends = [
        timed
        for timed in device.of(Session)
        if isinstance(timed.reading, Session) and timed.reading.event in _ENDS
    ]
    stops = sorted([*found, *ends], key=order)
    hold_ms = scene.policy.network_hold_s * 1000
    result = []
    upcoming = 0
    for timed in found:
        if not isinstance(timed.reading, Network):
            continue
        while upcoming < len(stops) and stops[upcoming].at_ms <= timed.at_ms:
            upcoming += 1
        until_ms, ender = timed.at_ms + hold_ms, None
        if upcoming < len(stops) and stops[upcoming].at_ms <= until_ms:
            ender = stops[upcoming]
            until_ms = ender.at_ms
        slots = _slots(scene, timed.at_ms, until_ms)
        result.append(Held(timed, timed.reading, slots, ender))
    return result


def place(scene: Scene, readings: Sequence[Held], beacon: Lane) -> Lane:
    """Where the gateway puts one laptop; `beacon` is the same laptop's."""
    lane = Lane.empty(scene.grid.count)
    # Each reading ends the one before it, shields slots or shows a network to travel: the finding
    # rests on all of them, also on those that say nothing by themselves.
    lane.decided = [each.timed for each in readings]
    lane.decided += [each.ender for each in readings if each.ender is not None]
    on_the_way = scene.claim.travelling_networks | travelling(scene, readings, beacon)
    site = scene.site.networks - scene.claim.travelling_networks
    # A home office is a site too: there, the home's network is the site's.
    home = scene.claim.home_networks - on_the_way - site
    for each in readings:
        timed, network, slots = each.timed, each.network, each.slots
        if network.vpn or network.net is None:
            continue
        at_site = network.net in site
        if not at_site and network.net not in home:
            continue
        llr = scene.weight(timed.error_ms) * scene.policy.network_llr
        for slot in slots:
            if at_site and llr:
                lane.add_support(slot, llr, timed)
            elif llr:
                lane.add_against(slot, -llr, scene.is_witness(timed.error_ms), (timed,))
    return lane


def shield(scene: Scene, readings: Sequence[Held], beacon: Lane, heard: Sequence[float]) -> None:
    """Where not hearing the beacon is no contradiction: behind the site's own gateway, though in a
    tunnel (no support, since a bridged tunnel shows that gateway from anywhere); out through the
    site's own address without a tunnel, as in the guests' network of a meeting room; and on any
    network on which the laptop itself `heard` the beacon in this interval: it is the site's as well,
    or a phone that comes along into the meeting room."""
    site = scene.site.networks - scene.claim.travelling_networks
    beside = _beside_beacon(scene, readings, heard)
    for each in readings:
        if not scene.weight(each.timed.error_ms):
            continue
        tunnelled = each.network.vpn and each.network.net in site
        if (
            tunnelled
            or (not each.network.vpn and egress_side(scene, each.timed, each.network) > 0)
            or each.network.net in beside
        ):
            beacon.forgive(each.slots)


def unsettled(
    scene: Scene, readings: Sequence[Held], placed: Lane, elsewhere: Sequence[bool]
) -> list[bool]:
    """Slots in which only the registration says that the home network is at home.

    A phone is registered as home as well as a router is, and comes along to work. So the network is
    a place once confirmed days never showed it at the site; where the registered home's own address
    is seen behind it; or in slots that something of another kind puts `elsewhere`. Who is usually
    heard at the site must not be heard: for them days that were learnt are not enough.
    """
    expected = bool(scene.site.node_ids) and silence_llr(scene) != 0.0
    settled = frozenset() if expected else scene.claim.settled_networks
    sure = list(elsewhere)
    for each in readings:
        if each.network.net in settled or egress_side(scene, each.timed, each.network) < 0:
            for slot in each.slots:
                sure[slot] = True
    return [llr < 0.0 and not yes for llr, yes in zip(placed.against, sure, strict=True)]


def told(scene: Scene, readings: Sequence[Held]) -> list[bool]:
    """Slots in which the laptop said which network it was on, known or not.

    Only then is the beacon's silence one of several things that were looked at: the site's network,
    the guests', a phone that was beside the beacon this morning would have excused it (`shield`), and
    whoever cannot show any of them, a permission being gone, must not be worse off for that.
    """
    found = [False] * scene.grid.count
    for each in readings:
        if each.network.net is not None and scene.weight(each.timed.error_ms):
            for slot in each.slots:
                found[slot] = True
    return found


def beside_home(scene: Scene, readings: Sequence[Held], beacon: Lane) -> list[bool]:
    """Slots in which the site's beacon was heard on a registered home network, of which nothing
    else shows that it travels, or out through the registered home's address: a phone's hotspot, or a
    beacon that is relayed home."""
    site = scene.site.networks - scene.claim.travelling_networks
    travelling = scene.claim.travelling_networks | _beside_site(scene, readings)
    home = scene.claim.home_networks - travelling - site
    found = [False] * scene.grid.count
    for each in readings:
        at_home = each.network.net in home or egress_side(scene, each.timed, each.network) < 0
        if at_home and not each.network.vpn:
            for slot in each.slots:
                found[slot] |= beacon.support[slot] > 0.0
    return found


def context(scene: Scene, readings: Sequence[Held]) -> Lane:
    """What the egress address and unknown networks add. Never a witness."""
    lane = Lane.empty(scene.grid.count)
    # The whole interval shares the bound, so that no length of it convicts.
    egress = scene.policy.egress_llr / scene.grid.count
    unknown = scene.policy.unknown_network_llr / scene.grid.count
    known = scene.site.networks | scene.claim.home_networks | scene.claim.travelling_networks
    for each in readings:
        timed, network, slots = each.timed, each.network, each.slots
        weight = scene.weight(timed.error_ms)
        if network.vpn or network.link == "cellular" or not weight:
            continue
        said = egress_side(scene, timed, network)
        strange = network.net is not None and network.net not in known
        for slot in slots:
            if said > 0:
                lane.add_support(slot, weight * egress, timed)
            against = egress * (said < 0) + unknown * strange
            if against:
                lane.add_against(slot, -weight * against, False, (timed,))
    return lane


def _slots(scene: Scene, from_ms: int, until_ms: int) -> Sequence[int]:
    """The slot it was read in, and those whose middle it still stands for."""
    grid = scene.grid
    own = grid.slot_at(from_ms)
    first = grid.slot_ms // 2 + grid.start_ms
    low = max(0, -((first - from_ms) // grid.slot_ms))
    high = min(grid.count - 1, (until_ms - first) // grid.slot_ms)
    later = range(low, high + 1)
    return later if own is None or own in later else (own, *later)


def travelling(scene: Scene, readings: Sequence[Held], beacon: Lane) -> frozenset[bytes]:
    """Home networks that were seen at the site: they travel."""
    beside = _beside_beacon(scene, readings, beacon.support) & scene.claim.home_networks
    return beside | _beside_site(scene, readings)


def _beside_site(scene: Scene, readings: Sequence[Held]) -> frozenset[bytes]:
    """Home networks between which and the site's own nobody had the time to go home."""
    site = scene.site.networks - scene.claim.travelling_networks
    home = scene.claim.home_networks - site
    seen = [each for each in readings if each.network.net is not None]
    # In a tunnel that is bridged the site's gateway is seen from anywhere.
    there = [each.timed.at_ms for each in seen if each.network.net in site and not each.network.vpn]
    hop_ms = scene.policy.network_hop_s * 1000
    found = set()
    for each in seen:
        at_ms, net = each.timed.at_ms, each.network.net
        if net is None or net not in home:
            continue
        next_one = bisect.bisect_left(there, at_ms)
        near = there[max(0, next_one - 1) : next_one + 1]
        if any(abs(at_ms - other_ms) <= hop_ms for other_ms in near):
            found.add(net)
    return frozenset(found)


def _beside_beacon(
    scene: Scene, readings: Sequence[Held], heard: Sequence[float]
) -> frozenset[bytes]:
    """Networks that were seen together with the site's beacon for long enough."""
    together: dict[bytes, set[int]] = {}
    for each in readings:
        network, slots = each.network, each.slots
        if network.net is not None:
            both = {slot for slot in slots if heard[slot] and not scene.exempt[slot]}
            together.setdefault(network.net, set()).update(both)
    enough_ms = scene.policy.network_travels_min * 60_000
    return frozenset(
        net for net, slots in together.items() if len(slots) * scene.grid.slot_ms >= enough_ms
    )


def egress_side(scene: Scene, timed: TimedReading, network: Network) -> int:
    """1 at the site, -1 at the registered home, 0 not known, both, or a word too old to tell."""
    if network.vantage is None:
        return 0
    seen = scene.evidence.vantages.get(network.vantage)
    if seen is None:
        return 0
    age_ms = timed.at_ms - seen.at_ms
    slack_ms = timed.error_ms + scene.policy.time_error_full_s * 1000
    if not -slack_ms <= age_ms <= scene.policy.vantage_age_s * 1000 + slack_ms:
        return 0
    at_site = _inside(seen.address, scene.site.egress)
    at_home = _inside(seen.address, scene.claim.home_egress)
    return at_site - at_home


def _inside(address: str, ranges: Iterable[str]) -> bool:
    return any(_holds(address, text) for text in ranges)


@functools.lru_cache(maxsize=4096)
def _holds(address: str, text: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(text, strict=False)
    except ValueError:  # what is no address is nowhere
        return False
