"""What one node's card is made from, checked before anything is written."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from zaigang_collector.errors import NodeImageError

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PACKAGE: Final = re.compile(r"zaigang-agent_[A-Za-z0-9.+~-]+_(arm64|all)\.deb")
_DEB_MAGIC: Final = b"!<arch>\n"  # deb(5): an ar archive
_KEY_LINE: Final = re.compile(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?")


class Release(StrEnum):
    """Which Raspberry Pi OS the card holds: the two begin their first boot in different ways."""

    BOOKWORM = "bookworm"
    """systemd.run on the kernel's command line starts firstrun.sh."""
    TRIXIE = "trixie"
    """cloud-init reads user-data, network-config and meta-data from the boot partition."""


@dataclass(frozen=True, slots=True)
class Wifi:
    """A WPA2 network (also one in WPA2/WPA3 mixed mode)."""

    ssid: str
    psk: str = field(repr=False)
    """64 hex digits: `wifi.psk`."""
    country: str
    """ISO 3166, two capitals: which channels are allowed."""


@dataclass(frozen=True, slots=True)
class Package:
    """The agent, as it is installed at the first boot."""

    name: str
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One card."""

    release: Release
    instance: str
    """Other than that of any card before: cloud-init and our installer look once for each."""
    token: str = field(repr=False)
    url: str
    """Where devices reach the collector, https://HOST:PORT."""
    hostname: str
    time_zone: str
    profile: str
    """agent.toml."""
    package: Package
    wifi: Wifi | None = None
    """None: a cable."""
    ssh_keys: tuple[str, ...] = ()
    """Public keys of who may log in as zaigang-admin; none: nobody."""


def check_hostname(text: str) -> str:
    """`text` as a host name (RFC 1123: one label). Raises NodeImageError."""
    name = text.lower()
    if _LABEL.fullmatch(name) is None:
        raise NodeImageError(
            f"{text!r} is not a host name: 1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end"
        )
    return name


def default_hostname(site_id: str, instance: str) -> str:
    """A name that tells people which node it is: after its site, and unlike its neighbour's."""
    own = instance.rpartition("-")[2][:4]
    site = re.sub(r"[^a-z0-9]+", "-", site_id.lower())[:40].strip("-")
    return "-".join(part for part in ("zaigang", site, own) if part)


def check_country(text: str) -> str:
    """Raises NodeImageError."""
    if re.fullmatch(r"[A-Z]{2}", text) is None:
        raise NodeImageError(f"{text!r} is not a country: two capitals as in CN, DE, US")
    return text


def read_package(name: str, data: bytes) -> Package:
    """The agent's Debian package. Raises NodeImageError for what a 64-bit Pi would not install."""
    if _PACKAGE.fullmatch(name) is None:
        raise NodeImageError(
            f"{name} is not the agent's package for a 64-bit Pi: expected "
            "zaigang-agent_<version>_arm64.deb"
        )
    if not data.startswith(_DEB_MAGIC):
        raise NodeImageError(f"{name} is not a Debian package: was it downloaded whole?")
    return Package(name, data)


def read_keys(text: str) -> tuple[str, ...]:
    """Public SSH keys, one a line. Raises NodeImageError."""
    lines = tuple(line for raw in text.splitlines() if (line := raw.strip()) and line[0] != "#")
    if "PRIVATE KEY" in text:
        raise NodeImageError(
            "that is a private SSH key, which stays where it is: give the .pub file"
        )
    if not lines or any(_KEY_LINE.fullmatch(line) is None for line in lines):
        raise NodeImageError("expected public SSH keys, one a line, as in ~/.ssh/id_ed25519.pub")
    return lines


def profile_of(sensors: tuple[str, ...]) -> str:
    """agent.toml of a node with these sensors, each as "sht4x@0x44"."""
    listed = ", ".join(f'"{one}"' for one in sensors)
    return f"[node]\ni2c_bus = 1\nsensors = [{listed}]\n"


def check_profile(text: str, source: str) -> str:
    """agent.toml that is there already. Raises NodeImageError; the agent checks the values."""
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NodeImageError(f"{source} is not TOML: {error}") from error
    if not isinstance(parsed.get("node"), dict):
        raise NodeImageError(
            f"{source} has no [node]: expected a profile of firmware_config/profiles"
        )
    return text
