"""A machine that follows a script: for the demo, the fleet simulator and tests.

Everything is a function of the script and the clock, so that two runs see the same and a question
about noon has the same answer whenever it is asked. A script is JSON (`Script`), times are UTC ms:

    {"seed": 3,
     "always":   {"link": "ethernet", "gateway_mac": "02:00:5e:00:00:01"},
     "segments": [
        {"from_utc_ms": 0, "to_utc_ms": 9, "active": 3, "session": "local", "locked": false,
         "link": "wifi", "vpn": false, "gateway_mac": "02:00:5e:00:00:01", "apps": ["code"],
         "hears": ["hq"], "regular": false, "touched": {"/srv/designs": 20}},
        {"from_utc_ms": 9, "to_utc_ms": 20, "off": true}]}

`always` holds where no segment does; of overlapping segments the first holds. A segment says all
of its state: what it leaves out has the default below, not that of `always`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import Limit, NetworkState, ProcessHealth, SessionState
from zaigang_shared.clock import Clock
from zaigang_shared.readings import Link, SessionPlace

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
# Input in the first so many ms of every minute, by level. In the middle of what the level means,
# with 10 s to spare on the upper side for the coarseness of looking every 10 s.
_BURST_MS: Final = {1: 9_000, 2: 27_000, 3: 60_000}
_JIGGLE_MS: Final = 4_000  # an input exactly this often is what "regular" looks like
_HAND_MS: Final = 2_500  # longest pause of a hand at work


class State(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the machine is like for a while."""

    off: bool = False
    """Not running: the simulator does not step it, its radio is silent, it boots afterwards."""
    suspended: bool = False
    """Asleep: not stepped either, but the same boot goes on afterwards."""
    session: SessionPlace = "none"
    active: Annotated[int, Meta(ge=0, le=3)] = 0
    """How much input, as in a usage reading."""
    regular: bool = False
    """Input as by a mouse mover; `active` is then what follows from it."""
    locked: bool | None = False
    """null: the desktop does not tell."""
    idle_known: bool = True
    """false: the desktop does not tell."""
    link: Link = "none"
    vpn: bool = False
    gateway_mac: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}\Z")] | None = (
        None
    )
    apps: tuple[str, ...] = ()
    """Executables that are running."""
    hears: bool | tuple[str, ...] = False
    """Places of loop-back air in reach; true for all of them, false for none."""
    touched: dict[str, Annotated[float, Meta(ge=0)]] = {}
    """Folder path: files changed an hour."""
    clock_synced: bool = True
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = None


class Segment(State, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A state from a moment up to another."""

    from_utc_ms: int
    to_utc_ms: int


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """A machine's whole story."""

    segments: tuple[Segment, ...] = ()
    always: State = State()
    seed: int = 0
    name: str = "linux"


def read_script(raw: Mapping[str, Any]) -> Script:
    """A script from decoded JSON. Raises AgentError that names the field."""
    try:
        script = msgspec.convert(raw, Script)
    except msgspec.ValidationError as error:
        raise AgentError(f"not a machine script: {error}") from error
    for index, segment in enumerate(script.segments):
        if segment.from_utc_ms >= segment.to_utc_ms:
            raise AgentError(
                f"not a machine script: from_utc_ms must be before to_utc_ms - at $.segments[{index}]"
            )
    return script


def load_script(path: Path) -> Script:
    """Read a script file. Raises AgentError."""
    try:
        raw = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise AgentError(f"{path}: the script cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise AgentError(f"{path}: not JSON: {error}") from error
    return read_script(raw)


class ScriptedPlatform:
    """`platforms.base.Platform` by script."""

    def __init__(self, script: Script, clock: Clock) -> None:
        self._script = script
        self._clock = clock

    @property
    def name(self) -> str:
        return self._script.name

    # ---- for the simulator

    def state(self, utc_ms: int) -> State:
        """What holds at a moment."""
        return self._segment(utc_ms) or self._script.always

    def stepped(self, utc_ms: int) -> bool:
        """Whether the machine runs at a moment: neither off nor suspended."""
        state = self.state(utc_ms)
        return not (state.off or state.suspended)

    def boot_began_ms(self, utc_ms: int) -> int | None:
        """The end of the last stretch of being off before a moment; None when there was none."""
        return max(
            (s.to_utc_ms for s in self._script.segments if s.off and s.to_utc_ms <= utc_ms),
            default=None,
        )

    def places(self, utc_ms: int) -> frozenset[str] | None:
        """Where the radio is, for `LoopbackAir.radio`; None: everywhere. A node's own script says
        the same as a laptop's: "always": {"hears": ["hq"]}."""
        state = self.state(utc_ms)
        if state.off or state.suspended or state.hears is False:
            return frozenset()
        return None if state.hears is True else frozenset(state.hears)

    # ---- the protocol

    def boot_id(self) -> bytes:
        began_ms = self.boot_began_ms(self._clock.utc_ms())
        return hashlib.sha256(f"{self._script.seed}/boot/{began_ms}".encode()).digest()[:16]

    def clock_synced(self) -> bool:
        return self._now().clock_synced

    def suspended_ms(self) -> int:
        now_ms = self._clock.utc_ms()
        since_ms = self.boot_began_ms(now_ms) or 0
        return sum(
            max(0, min(s.to_utc_ms, now_ms) - max(s.from_utc_ms, since_ms))
            for s in self._script.segments
            if s.suspended
        )

    def shutting_down(self) -> bool:
        return self._now().off

    def sessions(self) -> SessionState:
        now_ms = self._clock.utc_ms()
        state = self.state(now_ms)
        if state.session == "none":
            return SessionState("none", False, None, source="script")
        idle_ms = self._idle_ms(state, now_ms) if state.idle_known else None
        problem = None if state.idle_known else "this desktop does not tell how long it was idle"
        return SessionState(state.session, state.locked, idle_ms, 1, "script", problem)

    def network(self) -> NetworkState:
        state = self._now()
        mac = state.gateway_mac
        return NetworkState(
            state.link, state.vpn, None if mac is None else bytes.fromhex(mac.replace(":", ""))
        )

    def running(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(names) & {name.lower() for name in self._now().apps}

    def foreground(self, names: Collection[str]) -> frozenset[str] | None:
        return None  # a script says what runs, not what is in front

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        now_ms = self._clock.utc_ms()
        # Whole files of the segment that holds now: counts of successive calls add up.
        segment = self._segment(now_ms)
        begin_ms = segment.from_utc_ms if segment else 0
        per_hour = self.state(now_ms).touched.get(str(path), 0.0)
        done_ms, before_ms = now_ms - begin_ms, max(0, since_utc_ms - begin_ms)
        return int(per_hour * done_ms / _HOUR_MS) - int(per_hour * before_ms / _HOUR_MS)

    def health(self, state_dir: Path) -> ProcessHealth:
        """A plausible machine, the same on every host: what is simulated is not this process."""
        cpu_ms = self._clock.boot_ms() // 3600
        return ProcessHealth(34 << 20, cpu_ms, 64 << 30, self._now().battery_pct)

    def limits(self) -> tuple[Limit, ...]:
        return ()

    def helpers(self) -> int | None:
        return None

    def _now(self) -> State:
        return self.state(self._clock.utc_ms())

    def _segment(self, utc_ms: int) -> Segment | None:
        for segment in self._script.segments:
            if segment.from_utc_ms <= utc_ms < segment.to_utc_ms:
                return segment
        return None

    def _idle_ms(self, state: State, utc_ms: int) -> int:
        if state.regular:
            return utc_ms % _JIGGLE_MS
        if state.active == 0:
            segment = self._segment(utc_ms)
            return utc_ms - segment.from_utc_ms if segment else self._clock.boot_ms()
        into_ms = utc_ms % _MINUTE_MS
        burst_ms = _BURST_MS[state.active]
        if into_ms < burst_ms:
            return self._pause_ms(utc_ms // 1000)
        return into_ms - burst_ms + self._pause_ms(utc_ms // _MINUTE_MS)

    def _pause_ms(self, moment: int) -> int:
        """How long ago a hand at work had moved last: irregular, by seed and moment."""
        digest = hashlib.blake2b(f"{self._script.seed}/{moment}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % _HAND_MS
