"""What is soldered to a simulated bus, what it feels, and what goes wrong: JSON and its structs."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from zaigang_agent.errors import AgentError

Model: TypeAlias = Literal[
    "sht3x", "sht4x", "bme280", "bmp280", "aht20", "htu21d", "si7021", "scd4x"
]
FaultKind: TypeAlias = Literal["nack", "crc", "stuck", "timeout", "lockup", "reset", "busy"]
_Address: TypeAlias = Annotated[int, Meta(ge=0x08, le=0x77)]

_USUAL: dict[str, int] = {
    "sht3x": 0x44,
    "sht4x": 0x44,
    "bme280": 0x76,
    "bmp280": 0x76,
    "aht20": 0x38,
    "htu21d": 0x40,
    "si7021": 0x40,
    "scd4x": 0x62,
}


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """A value over UTC time: mean + amplitude * cos(2 pi (t - peak) / period), and noise."""

    mean: float
    amplitude: float = 0.0
    period_s: Annotated[float, Meta(gt=0)] = 86_400.0
    peak_s: float = 0.0
    """When the first peak is, seconds after 1970-01-01 UTC."""
    noise: Annotated[float, Meta(ge=0)] = 0.0
    """Standard deviation, by seed and time: the same moment gives the same noise."""

    def at(self, utc_ms: int, seed: int) -> float:
        angle = 2 * math.pi * (utc_ms / 1000 - self.peak_s) / self.period_s
        return self.mean + self.amplitude * math.cos(angle) + self.noise * _normal(seed, utc_ms)


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """Something wrong with one sensor from a moment up to another."""

    from_utc_ms: int
    to_utc_ms: int
    kind: FaultKind
    """nack: unplugged, and without power: it starts anew afterwards. crc: a flipped bit. stuck: the
    same words for ever. timeout: the bus hangs when it is spoken to. lockup: the whole bus hangs
    until it is opened anew. reset: it starts anew at each measurement. busy: it is never done."""


class SelfHeating(Struct, frozen=True, forbid_unknown_fields=True):
    """The board's warmth at the sensor, since the boot: rise * (1 - exp(-t / tau)). The water in
    the air stays what it is, so the relative humidity falls."""

    rise_c: float
    tau_s: Annotated[float, Meta(gt=0)] = 360.0


class SensorSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One simulated sensor."""

    model: Model
    temp_c: Curve
    rh_pct: Curve
    address: _Address | None = None
    """None: the usual one of the model."""
    serial: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}\Z")] = "00000001"
    """Also decides a BME280's calibration; an AHT20 has none."""
    pressure_hpa: Curve = Curve(1013.25)
    co2_ppm: Curve = Curve(600.0)
    self_heating: SelfHeating | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def at_address(self) -> int:
        return _USUAL[self.model] if self.address is None else self.address


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """One simulated bus."""

    sensors: tuple[SensorSpec, ...]
    seed: int = 0
    claimed: tuple[_Address, ...] = ()
    """Addresses that a driver of the kernel has for itself."""

    def __post_init__(self) -> None:
        addresses = [sensor.at_address for sensor in self.sensors]
        twice = next((a for a in addresses if addresses.count(a) > 1), None)
        if twice is not None:
            raise ValueError(f"two sensors at address {twice} (0x{twice:02x})")


def load_spec(path: Path) -> Spec:
    """Read the description of a bus. Raises AgentError that names the field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Spec)
    except OSError as error:
        raise AgentError(f"{path}: the simulated bus cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise AgentError(f"{path}: not the description of a simulated bus: {error}") from error


def _normal(seed: int, utc_ms: int) -> float:
    """A standard normal number that depends on nothing but its arguments (Box-Muller)."""
    digest = hashlib.blake2b(f"{seed}/{utc_ms}".encode(), digest_size=16).digest()
    u = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
    v = int.from_bytes(digest[8:], "big") / 2**64
    return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
