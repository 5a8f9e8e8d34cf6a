"""What the machine is connected to, without naming it.

Reads: kind of link, whether a tunnel is up, the gateway's hardware address. Sends only a keyed hash
of that address. Never reads: network names, other machines, addresses visited, traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zaigang_agent.platforms.base import NetworkState, Platform
from zaigang_agent.samplers.base import Now
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.network_hash import network_hash
from zaigang_shared.readings import Network

# A change of network is said within a minute; reading two small files more often gains nothing.
_LOOK_S: Final = 60
_MAX_VANTAGE_BYTES: Final = 512

VantageSource = Callable[[], bytes | None]
"""Asks the collector for a signed token of the address that it sees; None when it cannot be had."""


class NetworkSampler:
    """Says something every `network_s`, and when the network changed."""

    name = "network"

    def __init__(
        self, platform: Platform, config: DeviceConfig, vantage: VantageSource, *, personal: bool
    ) -> None:
        self.personal = personal
        self._platform = platform
        self._net_key = config.net_key
        self._network_ms = config.network_s * 1000
        self._vantage_ms = config.vantage_s * 1000
        self._ask_vantage = vantage
        self._vantage: bytes | None = None
        self._vantage_due_ms = 0
        self._state: NetworkState | None = None
        self._due_ms = 0

    def interval_s(self, config: DeviceConfig) -> int:
        return min(_LOOK_S, config.network_s)

    def sample(self, now: Now) -> Sequence[Network]:
        state = self._platform.network()
        changed = state != self._state
        self._state = state
        if not changed and now.boot_ms < self._due_ms:
            return []
        self._due_ms = now.boot_ms + self._network_ms
        mac = state.gateway_mac
        return [
            Network(
                t_ms=now.boot_ms,
                span_ms=0,
                link=state.link,
                vpn=state.vpn,
                net=None if mac is None else network_hash(self._net_key, mac),
                vantage=self._quoted(now, changed),
            )
        ]

    def _quoted(self, now: Now, changed: bool) -> bytes | None:
        """The newest token that was made on this network."""
        if changed:
            self._vantage = None
        if changed or now.boot_ms >= self._vantage_due_ms:
            self._vantage_due_ms = now.boot_ms + self._vantage_ms
            token = self._ask_vantage()
            if token is not None and 0 < len(token) <= _MAX_VANTAGE_BYTES:
                self._vantage = token
        return self._vantage
