"""`nodes image`: everything for the card of one site node."""

from __future__ import annotations

import argparse
import ipaddress
import re
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened
from zaigang_collector.cli.arguments import Commands, count, group
from zaigang_collector.cli.console import Exit, complain, read_file, say
from zaigang_collector.devices import enrolment, settings
from zaigang_collector.devices.model import DeviceKind, TokenScope
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Site
from zaigang_collector.errors import ConfigError, NodeImageError, UnknownIdError
from zaigang_collector.nodeimage import recipe as recipes
from zaigang_collector.nodeimage import wifi as networks
from zaigang_collector.nodeimage import writing
from zaigang_collector.nodeimage.recipe import Recipe, Release, Wifi

_HOUR_MS: Final = 3_600_000
_HOURS_MAX: Final = 90 * 24  # as the setting token_h
# A node travels by post. Longer leaves a found card useful for longer; shorter arrives too late.
_HOURS: Final = 14 * 24


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    nodes = group(commands, "nodes", "site nodes from a box")
    one = nodes.add_parser(
        "image",
        parents=[common],
        help="the boot-partition files of a Raspberry Pi that enrols itself at a site",
    )
    one.add_argument("--site", required=True, metavar="ID", help="where the node will stand")
    one.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="the mounted boot partition of a freshly written card, or a new folder",
    )
    one.add_argument(
        "--package",
        required=True,
        type=Path,
        metavar="FILE",
        help="the agent: zaigang-agent_<version>_arm64.deb",
    )
    one.add_argument(
        "--os",
        choices=[release.value for release in Release],
        default=Release.TRIXIE.value,
        help="Raspberry Pi OS (64-bit) on the card (default: trixie)",
    )
    _network_arguments(one)
    what = one.add_mutually_exclusive_group()
    what.add_argument("--sensors", metavar="LIST", help="on its I2C bus, as sht4x@0x44,scd4x")
    what.add_argument(
        "--profile", type=Path, metavar="FILE", help="an agent.toml, as in firmware_config/profiles"
    )
    one.add_argument(
        "--ssh-key-file",
        type=Path,
        metavar="FILE",
        help="public keys that may log in as zaigang-admin (default: nobody can log in)",
    )
    one.add_argument(
        "--hours",
        type=count(_HOURS_MAX),
        default=_HOURS,
        help=f"the token in it is good for so long (default: {_HOURS})",
    )
    one.add_argument(
        "--url", metavar="URL", help="where nodes reach the collector, if not at public_host"
    )
    one.set_defaults(run=_image)


def _network_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--wifi-ssid", metavar="NAME", help="WPA2 network (default: a cable)")
    one.add_argument(
        "--wifi-password-file",
        type=Path,
        metavar="FILE",
        help="its passphrase; only the key made from it is written",
    )
    one.add_argument("--country", default="CN", help="for the radio: two capitals (default: CN)")
    one.add_argument("--hostname", metavar="NAME", help="default: zaigang-SITE-XXXX")


def _image(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        site = directory.get_site(conn, args.site)
        if site is None:
            raise UnknownIdError("site", args.site)
        made = _recipe(args, collector, conn, site)
        aside = writing.write(args.out, made)
    if writing.is_boot_partition(args.out):
        say(f"the card is ready: {made.hostname} at {site.id}. Unmount it, plug in the node")
    else:
        say(f"{args.out} is ready: {made.hostname} at {site.id}. README.txt in it says what next")
    if aside:
        say(f"kept under another name (.before-zaigang): {', '.join(aside)}")
    complain(
        f"It holds a token: whoever has it can enrol one node at {site.id} within {args.hours} h. "
        "Delete copies when the card is done; if a card is lost before its node has enrolled: "
        f"zaigang-collector token revoke enrol {made.instance.rpartition('-')[2]}"
    )
    return Exit.OK


def _recipe(args: argparse.Namespace, collector: Opened, conn: Connection, site: Site) -> Recipe:
    """Everything checked first; the token is only good when all of it has been written."""
    wifi, profile = _wifi(args), _profile(args)
    package = recipes.read_package(args.package.name, read_file(args.package))
    keys = () if args.ssh_key_file is None else recipes.read_keys(_text(args.ssh_key_file))
    url = _url(args, collector)
    hostname = None if args.hostname is None else recipes.check_hostname(args.hostname)
    now_ms = collector.clock.utc_ms()
    token = enrolment.issue_token(
        conn,
        TokenScope(DeviceKind.NODE, site_id=site.id),
        now_ms,
        now_ms + args.hours * _HOUR_MS,
        collector.keys.authority,
        collector.randomness,
    )
    instance = f"zaigang-{token.id}"
    return Recipe(
        release=Release(args.os),
        instance=instance,
        token=str(token),
        url=url,
        hostname=hostname or recipes.default_hostname(site.id, instance),
        time_zone=site.time_zone,
        profile=profile,
        package=package,
        wifi=wifi,
        ssh_keys=keys,
    )


def _wifi(args: argparse.Namespace) -> Wifi | None:
    if args.wifi_ssid is None and args.wifi_password_file is None:
        return None
    if args.wifi_ssid is None or args.wifi_password_file is None:
        raise NodeImageError("--wifi-ssid and --wifi-password-file go together")
    # Editors end a file with a line end, which is no part of a passphrase.
    passphrase = _text(args.wifi_password_file).rstrip("\r\n")
    country = recipes.check_country(args.country)
    return Wifi(args.wifi_ssid, networks.psk(args.wifi_ssid, passphrase), country)


def _profile(args: argparse.Namespace) -> str:
    if args.profile is not None:
        return recipes.check_profile(_text(args.profile), str(args.profile))
    return recipes.profile_of(() if args.sensors is None else settings.parse_sensors(args.sensors))


def _text(path: Path) -> str:
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise NodeImageError(f"{path} is not UTF-8 text") from error


def _url(args: argparse.Namespace, collector: Opened) -> str:
    if args.url is not None:
        url: str = args.url
        if not re.fullmatch(r"https://[^/\s]+", url):
            raise NodeImageError(
                f"--url {url!r}: expected https://HOST:PORT, and nothing behind it"
            )
        return url
    host = collector.settings.public_host
    if _is_this_machine(host):
        raise ConfigError(
            f"public_host is {host}, which a node would look for on itself: set the name by which "
            "devices reach this collector in collector.toml, or give --url https://HOST:PORT"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}:{collector.settings.device_port}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
