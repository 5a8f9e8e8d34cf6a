"""How the agent itself is: version, memory, processor, disk, battery, errors by code. Never more of
the machine than that: no host name, no user, no list of programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.base import Now
from zaigang_shared import __version__
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Health

# The first report comes after a minute, so that a device that was just enrolled shows up whole.
_FIRST_S: Final = 60
_MIB: Final = 1 << 20
_MAX_COUNT: Final = 2**31
_MAX_LABEL: Final = 64


class HealthSampler:
    """Every `health_s`; processor use is the mean since the report before."""

    name = "health"
    personal = False

    def __init__(
        self,
        platform: Platform,
        state_dir: Path,
        spooled: Callable[[], int],
        errors: Callable[[], Mapping[str, int]],
    ) -> None:
        """`spooled`: envelopes that wait; `errors`: counts by code since start."""
        self._platform = platform
        self._state_dir = state_dir
        self._spooled = spooled
        self._errors = errors
        self._cpu_ms = 0
        self._reported = False

    def interval_s(self, config: DeviceConfig) -> int:
        return config.health_s if self._reported else min(_FIRST_S, config.health_s)

    def sample(self, now: Now) -> Sequence[Health]:
        state = self._platform.health(self._state_dir)
        used_ms, self._cpu_ms = max(0, state.cpu_ms - self._cpu_ms), state.cpu_ms
        if now.span_ms == 0:
            return []
        self._reported = True
        errors = {code[:_MAX_LABEL]: min(n, _MAX_COUNT) for code, n in self._errors().items() if n}
        return [
            Health(
                t_ms=now.boot_ms,
                span_ms=now.span_ms,
                agent=__version__,
                spooled=min(self._spooled(), _MAX_COUNT),
                rss_mb=round(state.rss_bytes / _MIB, 1),
                cpu_pct=round(100 * used_ms / now.span_ms, 2),
                disk_free_mb=min(state.disk_free_bytes // _MIB, _MAX_COUNT),
                battery_pct=state.battery_pct,
                errors=errors,
            )
        ]
