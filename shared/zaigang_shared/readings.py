"""What a device can say: one frozen struct per kind of reading (protocol.md, Readings).

Attribute names carry units; wire names are those of the protocol where they differ (`t`, `span`).
Times are milliseconds of CLOCK_BOOTTIME. Every number is bounded, so that NaN and nonsense are
refused here and never reach a decision.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.prime import prime

_MAX_MS: Final = 2**53  # what a double, and so JSON and JavaScript, still counts exactly
_Ms: TypeAlias = Annotated[int, Meta(ge=0, le=_MAX_MS)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31)]
_Level: TypeAlias = Annotated[int, Meta(ge=0, le=3)]
_Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
# Unicode's Cc. PostgreSQL stores no NUL in text, and a log or a terminal acts upon the others.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_Rssi: TypeAlias = Annotated[int, Meta(ge=-128, le=20)]
_Slot: TypeAlias = Annotated[int, Meta(ge=0, le=2**40)]

SessionPlace: TypeAlias = Literal["local", "remote", "none"]
SessionEvent: TypeAlias = Literal[
    "boot", "shutdown", "login", "logout", "lock", "unlock", "suspend", "resume"
]
Link: TypeAlias = Literal["ethernet", "wifi", "cellular", "none"]
BeaconScheme: TypeAlias = Literal["rid", "ibeacon", "altbeacon", "eddystone", "badge"]
GapReason: TypeAlias = Literal[
    "off_hours", "paused", "suspended", "crash", "disk_full", "sensor_failed", "permission"
]


class _Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    t_ms: _Ms = msgspec.field(name="t")
    """End of what was observed."""
    span_ms: _Ms = msgspec.field(name="span")
    """How long it was observed; 0 for an instant."""


class Usage(_Reading, frozen=True, tag_field="k", tag="usage"):
    """How the machine was used over the span: coarse on purpose."""

    active: _Level
    """0 none, 1 under a third, 2 under two thirds, 3 more of the span with input."""
    regular: bool
    """Input too regular for a hand; judged on the device, nothing more leaves it."""
    session: SessionPlace
    locked: bool
    apps: dict[_Label, _Level] = {}
    """Allow-listed work applications only."""
    touched: dict[_Label, _Count] = {}
    """Files changed per configured work folder."""


class Session(_Reading, frozen=True, tag_field="k", tag="session"):
    """Something happened to the session, at once."""

    event: SessionEvent


class Network(_Reading, frozen=True, tag_field="k", tag="network"):
    """What the machine was connected to, without naming it."""

    link: Link
    vpn: bool
    net: Annotated[bytes, Meta(min_length=8, max_length=8)] | None
    """Keyed hash of the gateway, `network_hash`."""
    vantage: Annotated[bytes, Meta(min_length=1, max_length=512)] | None
    """Collector-signed word on the egress address that it saw."""


class Environment(_Reading, frozen=True, tag_field="k", tag="environment"):
    """Air, by one sensor."""

    sensor: _Label
    model: _Label
    temp_c: Annotated[float, Meta(ge=-60, le=130)]
    rh_pct: Annotated[float, Meta(ge=0, le=100)]
    via: Literal["i2c", "ble"]
    pressure_hpa: Annotated[float, Meta(ge=200, le=1300)] | None = None
    co2_ppm: Annotated[int, Meta(ge=0, le=40_000)] | None = None
    temp_acc_c: Annotated[float, Meta(ge=0, le=20)] | None = None
    """Typical accuracy of `temp_c`, plus or minus, by the sensor's datasheet."""
    rh_acc_pct: Annotated[float, Meta(ge=0, le=50)] | None = None
    """Typical accuracy of `rh_pct`, plus or minus, by the sensor's datasheet."""
    self_heat_c: Annotated[float, Meta(ge=0, le=30)] | None = None
    """By how much the node found that its own warmth raises `temp_c`; not subtracted."""


class Beacon(_Reading, frozen=True, tag_field="k", tag="beacon"):
    """One identifier heard over the span."""

    scheme: BeaconScheme
    id: Annotated[bytes, Meta(min_length=4, max_length=32)]
    n: Annotated[int, Meta(ge=1, le=1_000_000)]
    rssi_max: _Rssi
    rssi_med: _Rssi
    first_t: _Ms
    last_t: _Ms


class Scan(_Reading, frozen=True, tag_field="k", tag="scan"):
    """How the radio was, so that silence can be told from deafness."""

    adverts: _Count
    devices: _Count
    healthy: bool
    restarts: _Count


class Advert(_Reading, frozen=True, tag_field="k", tag="advert"):
    """What this node broadcast itself."""

    slot_first: _Slot
    slot_last: _Slot
    ok: bool


class Health(_Reading, frozen=True, tag_field="k", tag="health"):
    """How the agent is."""

    agent: _Label
    spooled: _Count
    rss_mb: Annotated[float, Meta(ge=0, le=1_000_000)]
    cpu_pct: Annotated[float, Meta(ge=0, le=100_000)]
    disk_free_mb: _Count
    battery_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    errors: dict[_Label, _Count] = {}


class Gap(_Reading, frozen=True, tag_field="k", tag="gap"):
    """Nothing was observed, or something observed was given up, and why.

    Since `from_t` of this boot, or since some moment of the earlier boot `from_boot`.
    """

    reason: GapReason
    from_t: _Ms | None = None
    from_boot: Annotated[bytes, Meta(min_length=16, max_length=16)] | None = None


Reading: TypeAlias = Usage | Session | Network | Environment | Beacon | Scan | Advert | Health | Gap

KINDS: Final[Mapping[str, type[Reading]]] = {
    "usage": Usage,
    "session": Session,
    "network": Network,
    "environment": Environment,
    "beacon": Beacon,
    "scan": Scan,
    "advert": Advert,
    "health": Health,
    "gap": Gap,
}


def encode(reading: Reading) -> dict[str, Any]:
    """The map that goes into an envelope. Raises WireError(READING) when a field is out of bounds,
    so that a device never signs what the collector would refuse."""
    raw = msgspec.to_builtins(reading, builtin_types=(bytes,))
    decode(raw, up_ms=_MAX_MS)
    return raw  # type: ignore[no-any-return]  # to_builtins of a Struct is a dict


def decode(raw: Mapping[str, Any], up_ms: int) -> Reading | None:
    """One reading of an envelope sealed at `up_ms`; None for a kind from a later version.

    Raises WireError(READING) with the field that is wrong.
    """
    name = raw.get("k")
    kind = KINDS.get(name) if type(name) is str else None
    try:
        if kind is None:
            _check_times(name, msgspec.convert(raw, _Unknown), up_ms)
            return None
        reading = msgspec.convert(raw, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise WireError(Refusal.READING, f"{name}: {error}") from error
    _check_times(name, reading, up_ms)
    _check_kind(name, reading)
    return reading


def decode_all(raws: Sequence[Mapping[str, Any]], up_ms: int) -> tuple[Reading | None, ...]:
    """All readings of one envelope, in order; None stands for a kind from a later version.

    Raises WireError(READING) with the number of the reading, from 0, and the field that is wrong.
    """
    try:
        readings = msgspec.convert({"all": raws}, _All, builtin_types=(bytes,)).all
    except msgspec.ValidationError:  # one by one: a later version's kind, or a reading to name
        return tuple(_decode_nth(index, raw, up_ms) for index, raw in enumerate(raws))
    for index, reading in enumerate(readings):
        if (
            reading.t_ms > up_ms
            or reading.span_ms > reading.t_ms
            or (type(reading) in _RULES and _RULES[type(reading)](reading) is not None)
        ):
            _decode_nth(index, raws[index], up_ms)  # raises
    return readings


def decode_again(raws: Sequence[Mapping[str, Any]], up_ms: int) -> tuple[Reading | None, ...]:
    """What `decode_all` has accepted before: what holds between the fields is not asked again."""
    try:
        return msgspec.convert({"all": raws}, _All, builtin_types=(bytes,)).all
    except msgspec.ValidationError:  # a later version's kind among them
        return decode_all(raws, up_ms)


def _decode_nth(index: int, raw: Mapping[str, Any], up_ms: int) -> Reading | None:
    try:
        return decode(raw, up_ms)
    except WireError as error:
        raise WireError(error.reason, f"reading {index}, {error.detail}") from error


class _Unknown(Struct):
    """What a reading of any kind has, also of kinds that this version does not know."""

    k: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]
    t_ms: _Ms = msgspec.field(name="t")
    span_ms: _Ms = msgspec.field(name="span")


class _All(Struct):
    """msgspec remembers how to read a struct; a bare tuple of a union it works out each time."""

    all: tuple[Reading, ...]


def _check_times(name: object, reading: Reading | _Unknown, up_ms: int) -> None:
    if reading.t_ms > up_ms:
        raise WireError(Refusal.READING, f"{name}: t {reading.t_ms} is after sealing at {up_ms}")
    if reading.span_ms > reading.t_ms:
        raise WireError(
            Refusal.READING,
            f"{name}: span {reading.span_ms} begins before the boot, t is {reading.t_ms}",
        )


def _check_kind(name: object, reading: Reading) -> None:
    rule = _RULES.get(type(reading))
    wrong = None if rule is None else rule(reading)
    if wrong is not None:
        raise WireError(Refusal.READING, f"{name}: {wrong}")


def _labels_rule(reading: Usage | Environment | Health) -> str | None:
    if isinstance(reading, Usage):
        labels = [*reading.apps, *reading.touched]
    elif isinstance(reading, Environment):
        labels = [reading.sensor, reading.model]
    else:
        labels = [reading.agent, *reading.errors]
    return "labels have no control characters" if _CONTROL.search("".join(labels)) else None


def _beacon_rule(beacon: Beacon) -> str | None:
    if beacon.first_t <= beacon.last_t <= beacon.t_ms:
        return None
    return "first_t, last_t and t are not in order"


def _advert_rule(advert: Advert) -> str | None:
    return "slot_first is after slot_last" if advert.slot_first > advert.slot_last else None


def _gap_rule(gap: Gap) -> str | None:
    if (gap.from_t is None) == (gap.from_boot is None):
        return "needs either from_t or from_boot"
    if gap.from_t is not None and gap.from_t > gap.t_ms:
        return "from_t is after t"
    return None


# What holds between the fields of a kind; the sentence says what does not.
_RULES: Final[Mapping[type, Callable[[Any], str | None]]] = {
    Usage: _labels_rule,
    Environment: _labels_rule,
    Health: _labels_rule,
    Beacon: _beacon_rule,
    Advert: _advert_rule,
    Gap: _gap_rule,
}

prime(_All, _Unknown, *KINDS.values())
