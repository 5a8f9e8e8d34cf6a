"""The configuration that a collector signs for one device: when it may look, and at what.

    COSE_Sign1 by the collector's receipt key: { "v": 1, "dev", "version", "at", "config": {...} }

A device obeys the newest version that it has verified and refuses an older one.

A collector may be newer than its devices. A setting that a device does not know is left out, and so
is a kept beacon or a carried sensor with a format or a field that it does not know: it does less then,
never more. What it knows is held to its range as ever. In `hours`, in a shift and beside `config`
nothing unknown is taken: what is added there restricts, and a restriction that an older device would
overlook needs another `v`, which it refuses.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct

from zaigang_shared import cbor, cose, receipt
from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.prime import prime

VERSION: Final = 1
MAX_BYTES: Final = 16 * 1024

_DAY_MIN: Final = 1440
_Seconds: TypeAlias = Annotated[int, Meta(ge=1, le=86_400)]
_Key: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
_KeptFormat: TypeAlias = Literal["ibeacon", "altbeacon", "eddystone"]
_CarriedFormat: TypeAlias = Literal["bthome", "ruuvi", "atc"]


class Shift(Struct, frozen=True, forbid_unknown_fields=True):
    """One working stretch of a weekday, in minutes after local midnight. An overnight shift ends
    after 1440."""

    weekday: Annotated[int, Meta(ge=0, le=6)]
    """0 Monday to 6 Sunday."""
    from_min: Annotated[int, Meta(ge=0, le=1439)]
    to_min: Annotated[int, Meta(ge=1, le=2879)]

    def __post_init__(self) -> None:
        if not 0 < self.to_min - self.from_min <= _DAY_MIN:
            raise ValueError(
                "a shift ends after it begins and lasts at most a day; "
                "one that passes midnight ends after minute 1440"
            )


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """When sampling is allowed. Nothing is sampled outside the shifts widened by the margin."""

    tz: _Label
    """IANA zone of the shifts."""
    shifts: Annotated[tuple[Shift, ...], Meta(max_length=50)]
    margin_min: Annotated[int, Meta(ge=0, le=240)]


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """Beacons of other kinds than `rid` that are this company's: identifiers that begin with
    `prefix`. What nothing here names is somebody else's device and is dropped on the spot."""

    format: _KeptFormat
    prefix: Annotated[bytes, Meta(min_length=4, max_length=32)]
    """iBeacon: UUID, major, minor (20 bytes); AltBeacon: its id (20); Eddystone-UID: namespace and
    instance (16); or a beginning of these."""
    badge: bool = False
    """A person carries it: reported under the scheme `badge`."""


class Carried(Struct, frozen=True, forbid_unknown_fields=True):
    """A BLE thermometer that belongs to the owner of this laptop, or stands beside this node."""

    sensor: _Label
    """What it is called in readings."""
    format: _CarriedFormat
    """atc: the custom firmware of Xiaomi thermometers, in both its layouts (atc1441 and pvvx)."""
    address: Annotated[bytes, Meta(min_length=6, max_length=6)]
    """Its Bluetooth address, as it is written: the first byte first."""
    key: Annotated[bytes, Meta(min_length=16, max_length=16)] | None = None
    """BTHome bind key. From a sensor with a key, plain text is not believed."""

    def __repr__(self) -> str:
        return f"Carried({self.sensor!r}, {self.format!r}, …)"


class DeviceConfig(Struct, frozen=True, kw_only=True):
    """All that a device is told. Intervals in seconds. Nothing that restricts may be added here."""

    hours: Hours | None
    """None: always (a node: it observes a room, not a person)."""
    net_key: _Key
    """Key of the network hash (`network_hash`), one per company."""
    rid_key: _Key | None = None
    """Key of the rotating beacon that this device sends; None: it sends none."""
    usage_s: _Seconds = 60
    network_s: _Seconds = 300
    environment_s: _Seconds = 60
    beacon_s: _Seconds = 60
    health_s: _Seconds = 900
    vantage_s: _Seconds = 1800
    seal_s: _Seconds = 60
    apps: dict[_Label, Annotated[list[_Label], Meta(max_length=50)]] = {}
    """Work applications by label, each with its process names."""
    sensors: Annotated[tuple[_Label, ...], Meta(max_length=16)] | None = None
    """A node's sensors, as in its agent.toml ("sht4x@0x44"), which this replaces; None: it does not."""
    kept: Annotated[tuple[Kept, ...], Meta(max_length=100)] = ()
    """Beacons beside our own kind that are listened to."""
    carried: Annotated[tuple[Carried, ...], Meta(max_length=20)] = ()
    """BLE thermometers that are listened to."""

    def __repr__(self) -> str:  # the keys of a configuration in a traceback must not be usable
        shown = (name for name in self.__struct_fields__ if name not in ("net_key", "rid_key"))
        return f"DeviceConfig({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)}, …)"


class SignedConfig(Struct, frozen=True):
    """A verified configuration with its place in the sequence."""

    device_id: str
    version: int
    at_ms: int
    config: DeviceConfig


def sign_config(key: Ed25519PrivateKey, signed: SignedConfig) -> bytes:
    """The configuration as it is handed to the device. Raises WireError when none would take it."""
    fields = {
        "v": VERSION,
        "dev": signed.device_id,
        "version": signed.version,
        "at": signed.at_ms,
        "config": msgspec.to_builtins(signed.config, builtin_types=(bytes,)),
    }
    data = cose.sign1(key, cbor.dumps(fields), receipt.collector_kid(key.public_key()))
    if len(data) > MAX_BYTES:
        raise WireError(
            Refusal.OVERSIZE,
            f"a configuration of {len(data)} bytes, at most {MAX_BYTES} are allowed",
        )
    open_config(data, key.public_key())
    return data


def open_config(data: bytes, collector_key: Ed25519PublicKey) -> SignedConfig:
    """Verify and read. Raises WireError; the detail names the setting that is wrong."""
    fields = receipt.open_collector_map(data, collector_key, MAX_BYTES)
    version = fields.pop("v", None)
    if version != VERSION or type(version) is not int:
        raise WireError(Refusal.PAYLOAD, f"configuration version {version!r}, only 1 is known")
    _leave_out_later(fields.get("config"))
    try:
        wire = msgspec.convert(fields, _Wire, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise WireError(Refusal.PAYLOAD, f"configuration: {error}") from error
    return SignedConfig(wire.dev, wire.version, wire.at, wire.config)


def _leave_out_later(settings: object) -> None:
    """Take out of the lists of `settings` what only a later device could listen to."""
    if not isinstance(settings, dict):
        return
    for name, entry in (("kept", Kept), ("carried", Carried)):
        listed = settings.get(name)
        if isinstance(listed, list):
            settings[name] = [one for one in listed if not _is_later(one, entry)]


def _is_later(one: object, entry: type[Kept | Carried]) -> bool:
    """Whether a list entry has a format or a field from a later version of `entry`."""
    if not isinstance(one, dict):
        return False
    format_ = one.get("format")
    return not one.keys() <= set(entry.__struct_fields__) or (
        isinstance(format_, str) and format_ not in _FORMATS[entry]
    )


class _Wire(Struct, forbid_unknown_fields=True):
    dev: Annotated[str, Meta(pattern=r"^[a-z0-9-]{3,40}\Z")]
    version: Annotated[int, Meta(ge=1, le=2**53)]
    at: Annotated[int, Meta(ge=0, le=2**53)]
    config: DeviceConfig


_FORMATS: Final[dict[type[Kept | Carried], tuple[str, ...]]] = {
    Kept: get_args(_KeptFormat),
    Carried: get_args(_CarriedFormat),
}


def is_config(fields: dict[str, Any]) -> bool:
    """Whether a collector's map is a configuration rather than a receipt."""
    return "config" in fields


prime(_Wire)
