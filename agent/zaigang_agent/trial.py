"""A new configuration is on trial until this device has lived with it. Pure.

It is passed when the device has looked for a while under it and the collector has receipted something
that was sealed under it. It is refused when its samplers cannot be built, when the program is started
again and again under it, or when nothing that is sealed under it gets a receipt. A refused version stays
refused until a newer one comes.

In the place of a refused one runs a mixture: what could have broken the device is as it was last good;
what says what may be looked at of a person is never wider than the newest says, nor than the good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from zaigang_shared.device_config import DeviceConfig

# The fourth start refuses. Larger comes near the ten after which systemd gives a laptop's agent up;
# smaller takes two power cuts in a row for a broken configuration.
MAX_STARTS: Final = 3
# Every sampler has looked at once and again by then. Larger counts more innocent power cuts against a
# new configuration; smaller passes one that fails at the second look.
LOOKED_MS: Final = 5 * 60_000
# Nothing in a configuration says where the broker is, so time without a connection proves nothing and
# is not counted. Larger leaves a device unheard for longer, though nothing is lost; smaller makes a
# fleet go back because its collector was being repaired behind a broker that went on.
UNANSWERED_MS: Final = 6 * 3_600_000

TECHNICAL: Final = ("environment_s", "health_s", "seal_s", "sensors")
"""Of the last good one: they say how, and nothing of a person."""
PERSONAL: Final = ("usage_s", "network_s", "beacon_s", "vantage_s")
"""The longer of both: never looked at more often than the newest wants, nor than was lived with."""
SHARED: Final = ("apps", "kept", "carried")
"""Only what both allow."""
NEWEST: Final = ("hours", "net_key", "rid_key")
"""Never of an older one: what it forbids stays forbidden, and a key that was given up is not used."""


class Mark(Struct, frozen=True):
    """How the trial of one version is going; on the disk, so that a crash is counted."""

    version: int
    starts: int = 0
    """Starts of the program under it that had no orderly end."""
    refused: str = ""
    """Why, for people; empty: it is not."""
    agent: str = ""
    """The version of the program that refused it."""


def started(mark: Mark) -> Mark:
    """The program starts under it. Once too often refuses it."""
    if mark.refused:
        return mark
    if mark.starts >= MAX_STARTS:
        return replace(
            mark,
            refused=f"the program started {mark.starts} times under it and never came through",
        )
    return replace(mark, starts=mark.starts + 1)


def stopped(mark: Mark) -> Mark:
    """An orderly end: that start says nothing against it."""
    return replace(mark, starts=max(0, mark.starts - 1))


@dataclass(slots=True)
class Exam:
    """What one process has seen of a configuration on trial."""

    from_seq: int
    """The first envelope that is sealed under it."""
    looked_ms: int = 0
    unanswered_ms: int = 0

    def note(
        self, awake_ms: int, *, looking: bool, connected: bool, last_seq: int, through: int
    ) -> Literal["passed", "unanswered"] | None:
        """`awake_ms`: since the last note, sleep not counted; `through`: what is receipted."""
        if looking:
            self.looked_ms += awake_ms
        if connected and last_seq >= self.from_seq > through:
            self.unanswered_ms += awake_ms
        if through >= self.from_seq and self.looked_ms >= LOOKED_MS:
            return "passed"
        return "unanswered" if self.unanswered_ms >= UNANSWERED_MS else None


def mixture(newest: DeviceConfig, good: DeviceConfig) -> DeviceConfig:
    """What runs in the place of a refused `newest`."""
    apps = {
        label: [name for name in names if name in good.apps[label]]
        for label, names in newest.apps.items()
        if label in good.apps
    }
    return replace(
        newest,
        **{name: getattr(good, name) for name in TECHNICAL},
        **{name: max(getattr(newest, name), getattr(good, name)) for name in PERSONAL},
        apps={label: names for label, names in apps.items() if names},
        kept=tuple(one for one in newest.kept if one in good.kept),
        carried=tuple(one for one in newest.carried if one in good.carried),
    )


def barest(config: DeviceConfig) -> DeviceConfig:
    """What is left when not even the good one can be built: the device stays within reach of a newer
    configuration. Sensors of its own agent.toml stay, as the person at the device answers for those."""
    sensors = None if config.sensors is None else ()
    return replace(config, sensors=sensors, apps={}, kept=(), carried=())
