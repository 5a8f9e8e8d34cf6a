"""Settings, and where the files of a collector are.

`collector.toml` in the data directory holds what differs from the defaults below. Each setting has
one definition: name, default, what it may be, and a sentence; docs and checks come from it.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from zaigang_collector import anchor_settings, beacon_ids
from zaigang_collector.errors import ConfigError

Value: TypeAlias = str | int

_RULE: Final = "rule"
_SENTENCE: Final = "sentence"


@dataclass(frozen=True, slots=True)
class _Rule:
    expected: str
    holds: Callable[[Any], bool]


def _number(low: int, high: int) -> _Rule:
    return _Rule(
        f"a whole number from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
    )


def _one_of(*words: str) -> _Rule:
    return _Rule("one of " + ", ".join(f'"{word}"' for word in words), lambda value: value in words)


def _is_name_or_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        try:
            return bool(text.encode("idna"))
        except UnicodeError:
            return False
    return True


_PORT: Final = _number(0, 65_535)
_SECONDS: Final = _number(1, 86_400)
_TEXT: Final = _Rule("text", lambda value: type(value) is str)
_HOST: Final = _Rule(
    "a host name or an IP address, without scheme and port",
    lambda value: (
        type(value) is str
        and 0 < len(value) <= 253
        and not any(char.isspace() or char in "/[]@" for char in value)
        and value.count(":") != 1
        and _is_name_or_address(value)
    ),
)
_HOST_OR_NONE: Final = _Rule(
    _HOST.expected + ', or ""', lambda value: value == "" or _HOST.holds(value)
)


def work_apps(text: str) -> dict[str, list[str]]:
    """`邮件=thunderbird,outlook; CAD=acad` as process names by label. Raises ValueError.

    Labels are what is sent and shown; process names stay on the laptop, compared without case.
    """
    found: dict[str, list[str]] = {}
    for part in filter(None, (part.strip() for part in text.replace("；", ";").split(";"))):
        label, _, names = (piece.strip() for piece in part.partition("="))
        processes = [name.strip() for name in names.split(",")]
        fits = all(0 < len(one) <= 64 and one.isprintable() for one in (label, *processes))
        if not fits or len(processes) > 50 or label in found:
            raise ValueError(f"{part!r} is not LABEL=process,process with a label of its own")
        found[label] = processes
    return found


def _names_apps(value: object) -> bool:
    """Within what `DeviceConfig` allows; a configuration of a device has 16 KiB at most."""
    try:
        return type(value) is str and len(value) <= 2_000 and work_apps(value) is not None
    except ValueError:
        return False


_APPS: Final = _Rule(
    'LABEL=process,process; LABEL=process … (50 a label and 64 characters a name at most), or ""',
    _names_apps,
)


def _names_beacons(value: object) -> bool:
    try:
        return type(value) is str and beacon_ids.prefixes(value) is not None
    except ValueError:
        return False


_BEACONS: Final = _Rule(
    f"FORMAT:PREFIX, FORMAT:PREFIX … ({beacon_ids.PREFIXES_MOST} at most; formats "
    f'{", ".join(beacon_ids.BADGES)}; {beacon_ids.PREFIX_MIN} bytes at least), or ""',
    _names_beacons,
)


def command(text: str) -> tuple[str, ...]:
    """A command as a shell would split it; nothing is expanded. Raises ValueError."""
    return tuple(shlex.split(text))


def _is_command(value: object) -> bool:
    try:
        return type(value) is str and (value == "" or len(command(value)) > 0)
    except ValueError:
        return False


_COMMAND: Final = _Rule('a command with its arguments, quoted as in a shell, or ""', _is_command)
_KEY_NAME: Final = _Rule(
    "1 to 80 of letters, digits and . _ - : /",
    lambda value: type(value) is str and re.fullmatch(r"[A-Za-z0-9._:/-]{1,80}", value) is not None,
)
_DAYS: Final = _number(0, 36_500)
_LOG_KEYS: Final = _Rule(
    'verifier keys of ledgers (NAME+id+base64), separated by commas or spaces, or ""',
    anchor_settings.names_logs,
)
_WITNESSES: Final = _Rule(
    'URL=VERIFIER-KEY of witnesses, separated by commas, or ""', anchor_settings.names_witnesses
)
_URL: Final = _Rule(
    'an address with http:// or https://, or ""',
    lambda value: value == "" or anchor_settings.is_url(value),
)
_HTTPS: Final = _Rule(
    'an address with https://, or ""',
    lambda value: value == "" or (anchor_settings.is_url(value) and value.startswith("https://")),
)
_POLICY: Final = _Rule(
    'an object identifier like 1.2.3.4, or ""',
    lambda value: value == "" or anchor_settings.is_policy(value),
)


def _setting(default: Any, rule: _Rule, sentence: str) -> Any:
    return dataclasses.field(default=default, metadata={_RULE: rule, _SENTENCE: sentence})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set. A port of 0 takes a free one; `run/ports.json` tells which."""

    public_host: str = _setting(
        "localhost", _HOST, "Name or IP address by which devices reach this collector."
    )
    api_host: str = _setting("127.0.0.1", _HOST, "Address on which the REST interface listens.")
    api_port: int = _setting(8470, _PORT, "Port of the REST interface (HTTP).")
    device_host: str = _setting(
        "0.0.0.0",  # noqa: S104  # devices come from other machines
        _HOST,
        "Address on which enrolment, renewal and vantage listen.",
    )
    device_port: int = _setting(8471, _PORT, "Port of enrolment, renewal and vantage (HTTPS).")
    broker: str = _setting(
        "embedded",
        _one_of("embedded", "external"),
        "Whether the MQTT broker runs inside this process or is another program.",
    )
    mqtt_host: str = _setting(
        "0.0.0.0",  # noqa: S104  # devices come from other machines
        _HOST,
        "Address on which the embedded broker listens, or of the external broker.",
    )
    mqtt_port: int = _setting(8883, _PORT, "Port of MQTT over TLS, embedded or external.")
    mqtt_public_host: str = _setting(
        "", _HOST_OR_NONE, "Broker's name as devices are told; empty: public_host."
    )
    mqtt_public_port: int = _setting(
        0, _PORT, "Broker's port as devices are told; 0: the port that is listened on."
    )
    database_url: str = _setting(
        "", _TEXT, "Database as SQLAlchemy names it; empty: SQLite in the data directory."
    )
    master_key_file: str = _setting(
        "",
        _TEXT,
        "File of the master key that wraps everybody's keys; empty: master.key in the data "
        "directory.",
    )
    master_key_command: str = _setting(
        "",
        _COMMAND,
        "Command that wraps and unwraps in the place of a master key file, such as one that asks "
        "a KMS.",
    )
    master_key_id: str = _setting(
        "main", _KEY_NAME, "Name of the master key that master_key_command is asked for."
    )
    keep_readings_days: int = _setting(
        90, _DAYS, "Days after which readings are deleted; 0: never."
    )
    keep_claims_days: int = _setting(
        730, _DAYS, "Days after which clock-ins and assessments are deleted; 0: never."
    )
    keep_cases_days: int = _setting(
        730, _DAYS, "Days after a case was closed until it is deleted with its files; 0: never."
    )
    case_policy_file: str = _setting(
        "",
        _TEXT,
        "The company's own copy of the policy of cases (TOML); a relative path starts in the data "
        "directory; empty: the policy that comes with the program.",
    )
    scan_command: str = _setting(
        "",
        _COMMAND,
        "Virus scanner that reads a file from standard input and ends with 0 (nothing found) or 1 "
        "(something), as clamdscan --no-summary - does; empty: files are not scanned.",
    )
    margin_min: int = _setting(
        30,
        _number(0, 240),
        "Minutes by which the hours in which a laptop samples are wider than the shift.",
    )
    waiting_h: int = _setting(
        48,
        _number(1, 24 * 60),
        "Hours to wait for a laptop's readings before an assessment stops being provisional.",
    )
    token_h: int = _setting(
        24, _number(1, 24 * 90), "Hours for which an enrolment token is good when nobody says."
    )
    certificate_days: int = _setting(
        398, _number(1, 398), "Days for which a device's certificate is good."
    )
    usage_s: int = _setting(60, _SECONDS, "Seconds between two readings of how a laptop was used.")
    network_s: int = _setting(
        300, _SECONDS, "Seconds between two readings of what a laptop was connected to."
    )
    environment_s: int = _setting(60, _SECONDS, "Seconds between two readings of a node's air.")
    beacon_s: int = _setting(
        60, _SECONDS, "Seconds between two readings of beacons heard and broadcast."
    )
    health_s: int = _setting(
        900, _SECONDS, "Seconds between two readings of how a device itself is."
    )
    vantage_s: int = _setting(
        1800, _SECONDS, "Seconds between two questions of a laptop for the address it is seen from."
    )
    seal_s: int = _setting(
        60, _SECONDS, "Seconds between two envelopes while there is something to say."
    )
    work_apps: str = _setting(
        "",
        _APPS,
        "Work applications that usage readings may name, as LABEL=process,process; only labels "
        "leave a laptop.",
    )
    kept_beacons: str = _setting(
        "",
        _BEACONS,
        "The company's own beacons beside rotating ones, as ibeacon:UUID, eddystone:NAMESPACE; all "
        "devices listen to these.",
    )
    work_log_text: str = _setting(
        "drop",
        _one_of("drop", "keep"),
        "Whether the text of work logs is dropped once it was searched for names of clients, or kept.",
    )
    stamp_url: str = _setting(
        "", _URL, "Time stamp authority (RFC 3161) that stamps the ledger; empty: none."
    )
    stamp_ca_file: str = _setting(
        "",
        _TEXT,
        "PEM file with that authority's root certificate, and those between; a relative path starts "
        "in the data directory.",
    )
    stamp_policy: str = _setting(
        "", _POLICY, "Policy under which that authority has to stamp; empty: any."
    )
    witnesses: str = _setting(
        "", _WITNESSES, "Witnesses that cosign the ledger, as URL=VERIFIER-KEY; empty: none."
    )
    anchor_every_min: int = _setting(
        60, _number(1, 24 * 60), "Minutes between two anchors of a ledger that grows."
    )
    stamp_timeout_s: int = _setting(
        10, _number(1, 300), "Seconds that an authority or a witness may take to answer."
    )
    witness_for: str = _setting(
        "",
        _LOG_KEYS,
        "Verifier keys of others' ledgers that this collector cosigns as a witness; empty: none.",
    )
    login_issuer: str = _setting(
        "",
        _HTTPS,
        "OpenID Connect provider that signs people in, as it names itself; empty: passwords only.",
    )
    login_client_id: str = _setting("", _TEXT, "What this collector is called at that provider.")
    login_secret_file: str = _setting(
        "",
        _TEXT,
        "File with the client secret of that provider, readable by nobody else; a relative path "
        "starts in the data directory.",
    )
    login_back_url: str = _setting(
        "",
        _HTTPS,
        "Where that provider sends browsers back to: this interface as they reach it, with "
        "/api/v1/provider/back.",
    )
    login_employee_claim: str = _setting(
        "",
        _TEXT,
        "Claim of that provider that holds the employee id; empty: accounts are bound by users "
        "link --subject.",
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "What is logged at least."
    )
    ingest_batch: int = _setting(
        256,
        _number(1, 10_000),
        "Envelopes in one database transaction at most.",
    )
    ingest_wait_ms: int = _setting(
        20, _number(0, 10_000), "Milliseconds to wait for a batch to fill before it is committed."
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table of settings."""

    name: str
    default: Value
    expected: str
    sentence: str


SETTINGS: Final = tuple(
    Setting(
        field.name,
        cast("Value", field.default),
        field.metadata[_RULE].expected,
        field.metadata[_SENTENCE],
    )
    for field in dataclasses.fields(Settings)
)
_RULES: Final[Mapping[str, _Rule]] = {
    field.name: field.metadata[_RULE] for field in dataclasses.fields(Settings)
}


def parse(text: str, source: str) -> Settings:
    """Settings from TOML. Raises ConfigError naming `source` and all that is wrong at once."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from error
    _refuse(given, source)
    return Settings(**given)


def check(settings: Settings) -> None:
    """Raise ConfigError where settings that were not parsed are not what they must be."""
    _refuse(dataclasses.asdict(settings), "settings")


def _refuse(given: Mapping[str, object], source: str) -> None:
    wrong = [sentence for name, value in given.items() if (sentence := _wrong(name, value))]
    if wrong:
        raise ConfigError(f"{source}: " + "; ".join(wrong))


def render(settings: Settings) -> str:
    """`collector.toml` with every setting explained; those at their default are commented out."""
    lines = ["# Settings of this collector. A line with # shows the default.\n"]
    for setting in SETTINGS:
        value: Value = getattr(settings, setting.name)
        mark = "# " if value == setting.default else ""
        lines.append(f"# {setting.sentence}\n{mark}{setting.name} = {_toml(value)}\n")
    return "\n".join(lines)


def _wrong(name: str, value: object) -> str:
    rule = _RULES.get(name)
    if rule is None:
        near = difflib.get_close_matches(name, _RULES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"there is no setting {name}{hint}"
    if not rule.holds(value):
        return f"{name} must be {rule.expected}, not {value!r}"
    return ""


def _toml(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(_toml_character(char) for char in value) + '"'


def _toml_character(char: str) -> str:
    if char in '\\"':
        return "\\" + char
    return char if char >= " " and char != "\x7f" else f"\\u{ord(char):04X}"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Where everything of one collector is. Made 0700, keys in it 0600."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "collector.toml"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca.key"

    @property
    def ca_certificate(self) -> Path:
        return self.root / "ca.crt"

    @property
    def server_key(self) -> Path:
        return self.root / "server.key"

    @property
    def server_certificate(self) -> Path:
        return self.root / "server.crt"

    @property
    def mqtt_key(self) -> Path:
        return self.root / "collector-mqtt.key"

    @property
    def mqtt_certificate(self) -> Path:
        return self.root / "collector-mqtt.crt"

    @property
    def receipt_key(self) -> Path:
        return self.root / "receipt.key"

    @property
    def ledger_key(self) -> Path:
        return self.root / "ledger.key"

    @property
    def witness_key(self) -> Path:
        return self.root / "witness.key"

    @property
    def clients(self) -> Path:
        """Names of clients that texts are searched for; none: there is no such file."""
        return self.root / "clients.toml"

    @property
    def crl(self) -> Path:
        """Certificates of revoked devices (PEM), for a broker that is another program."""
        return self.root / "revoked.crl"

    @property
    def net_key(self) -> Path:
        return self.root / "net.key"

    @property
    def ledger_high(self) -> Path:
        """What the ledger was when this collector last added to it."""
        return self.root / "ledger.high"

    @property
    def restored(self) -> Path:
        """There as long as nobody has decided how a restored backup goes on."""
        return self.root / "restored.json"

    @property
    def master_key(self) -> Path:
        return self.root / "master.key"

    @property
    def database(self) -> Path:
        return self.root / "zaigang.db"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def ports(self) -> Path:
        """JSON {"api", "device", "mqtt"}: the ports in use since the last start."""
        return self.run / "ports.json"


def load(directory: DataDirectory) -> Settings:
    """The settings of a data directory. Raises ConfigError."""
    try:
        text = directory.settings.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{directory.settings} does not exist; `zaigang-collector init` makes a data directory"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{directory.settings} cannot be read: {error}") from error
    return parse(text, str(directory.settings))


def database_url(settings: Settings, directory: DataDirectory) -> str:
    """The database to open."""
    return settings.database_url or f"sqlite:///{directory.database.absolute()}"


def master_key_path(settings: Settings, directory: DataDirectory) -> Path:
    """Where the file of the master key is."""
    return Path(settings.master_key_file) if settings.master_key_file else directory.master_key
