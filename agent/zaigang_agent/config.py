"""The settings of one device, from `agent.toml`. All have defaults; the file may be absent.

When and what a device may look at is not set here: the collector signs that for each device
(`zaigang_shared.device_config`), so that nobody can widen it on the quiet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from zaigang_agent.errors import ConfigError

_SYSTEM_STATE: Final = Path("/var/lib/zaigang")
_SYSTEM_CONFIG: Final = Path("/etc/zaigang/agent.toml")


class Apps(Struct, frozen=True, forbid_unknown_fields=True):
    """[apps]"""

    allow: Annotated[
        bool, Meta(description="Whether work applications on the collector's list are looked for.")
    ] = True


class PlatformSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[platform]"""

    kind: Annotated[
        Literal["system", "scripted"],
        Meta(description="system: this machine; scripted: a pretended one, for tests and demos."),
    ] = "system"
    script: Annotated[str, Meta(description="JSON file that a scripted machine follows.")] = ""
    helper_socket: Annotated[
        str,
        Meta(
            description="Where session helpers find the running agent; empty: session.sock in the "
            "unit's RuntimeDirectory, and the usual place on Windows and macOS."
        ),
    ] = ""


class Node(Struct, frozen=True, forbid_unknown_fields=True):
    """[node]"""

    i2c_bus: Annotated[
        int | str,
        Meta(description='Number of the I2C bus of a site node, or "simulated:FILE".'),
    ] = 1
    sensors: Annotated[
        tuple[str, ...],
        Meta(description='Sensors on that bus, as "sht4x" or "sht4x@0x44".'),
    ] = ()


class RadioSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[radio]"""

    off: Annotated[
        bool, Meta(description="No Bluetooth: nothing is listened to and nothing broadcast.")
    ] = False
    adapter: Annotated[
        str,
        Meta(
            pattern=r"^(hci[0-9]{1,3})?$",
            description="Bluetooth adapter on Linux, as hci0; empty: the first that is switched on.",
        ),
    ] = ""


class SpoolSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[spool]"""

    max_mb: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="MiB of envelopes that may wait for a receipt before less valuable "
            "readings are given up; 64 are about 80 days of a laptop.",
        ),
    ] = 64


class UplinkSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[uplink]"""

    window: Annotated[
        int,
        Meta(ge=1, le=1000, description="Envelopes under way without a receipt at most."),
    ] = 64
    resend_s: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="Seconds without a receipt after which envelopes are sent again; doubles "
            "up to 15 minutes while nothing comes.",
        ),
    ] = 30
    connect_timeout_s: Annotated[
        int,
        Meta(
            ge=1, le=120, description="Seconds to wait for the broker at each step of connecting."
        ),
    ] = 15


class LocalConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of `agent.toml`."""

    state_dir: Annotated[
        str,
        Meta(
            description="Folder of keys, certificate and spool; empty: /var/lib/zaigang where "
            "that is ours, else ~/.local/state/zaigang."
        ),
    ] = ""
    collector_url: Annotated[
        str,
        Meta(
            description="Device address of the collector, https://HOST:PORT, when it is no longer "
            "the one given at enrolment."
        ),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="What is logged at least; the log never holds readings."),
    ] = "info"
    folders: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=64)], str],
        Meta(description="Work folders by label; only the number of changed files is counted."),
    ] = {}
    apps: Apps = field(default_factory=Apps)
    platform: PlatformSettings = field(default_factory=PlatformSettings)
    node: Node = field(default_factory=Node)
    radio: RadioSettings = field(default_factory=RadioSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    uplink: UplinkSettings = field(default_factory=UplinkSettings)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings."""

    name: str
    default: object
    sentence: str


def _table(struct: type[Struct], prefix: str = "") -> tuple[Setting, ...]:
    rows: list[Setting] = []
    for info in msgspec.structs.fields(struct):
        kind = info.type
        if isinstance(kind, type) and issubclass(kind, Struct):
            rows += _table(kind, f"{info.name}.")
            continue
        made = info.default_factory is not msgspec.NODEFAULT
        default = info.default_factory() if made else info.default
        rows.append(Setting(prefix + info.name, default, _sentence(kind)))
    return tuple(rows)


def _sentence(kind: Any) -> str:
    return next(m.description for m in kind.__metadata__ if isinstance(m, Meta) and m.description)


SETTINGS: Final[tuple[Setting, ...]] = _table(LocalConfig)
"""Name, default and a sentence for each setting; operations.md and `agent.toml` come from it."""


def parse(text: str, source: str) -> LocalConfig:
    """Settings from TOML. Raises ConfigError naming `source`, the setting and what was expected."""
    import tomllib  # most devices have no file

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from error
    return convert(raw, source)


def convert(raw: Mapping[str, Any], source: str) -> LocalConfig:
    """Settings from decoded TOML or JSON. Raises ConfigError."""
    try:
        config = msgspec.convert(raw, LocalConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explained(str(error))}") from error
    if config.platform.kind == "scripted" and not config.platform.script:
        raise ConfigError(f'{source}: platform.kind = "scripted" needs platform.script = "FILE"')
    for label, path in config.folders.items():
        if not Path(path).expanduser().is_absolute():
            raise ConfigError(f"{source}: folders.{label} must be an absolute path")
    return config


def _explained(message: str) -> str:
    """msgspec says which and what; an unknown name deserves a hint, as it is mostly a typo."""
    what, _, where = message.partition(" - at `$.")
    place = f"{where.rstrip('`')}: " if where else ""
    if "unknown field" in what:
        import difflib

        wrong = what.rpartition("field `")[2].rstrip("`")
        full = f"{where.rstrip('`')}.{wrong}" if where else wrong
        known = [setting.name for setting in SETTINGS]
        near = difflib.get_close_matches(full, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; settings are {', '.join(known)}"
        return f"there is no setting {full}{hint}"
    return f"{place}{what[:1].lower()}{what[1:]}"


def load(path: Path | None) -> LocalConfig:
    """The settings in a file; the usual places when None, all defaults when there is none.

    Raises ConfigError.
    """
    chosen = path or _usual_config()
    if chosen is None:
        return LocalConfig()
    try:
        text = chosen.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{chosen}: the settings cannot be read: {error}") from error
    return parse(text, str(chosen))


def state_dir(config: LocalConfig, given: Path | None) -> Path:
    """Where this device keeps what it is: the command line, the setting, or the usual place."""
    if given is not None:
        return given
    if config.state_dir:
        return Path(config.state_dir).expanduser()
    if from_systemd := os.environ.get("STATE_DIRECTORY"):
        return Path(from_systemd.split(":")[0])
    if os.access(_SYSTEM_STATE, os.W_OK):
        return _SYSTEM_STATE
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "zaigang"


def _usual_config() -> Path | None:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    found = (
        *(
            Path(d) / "agent.toml"
            for d in os.environ.get("CONFIGURATION_DIRECTORY", "").split(":")
            if d
        ),
        _SYSTEM_CONFIG,
        Path(folder) / "zaigang" / "agent.toml",
    )
    return next((path for path in found if path.is_file()), None)
