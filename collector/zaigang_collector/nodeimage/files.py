"""All files of one card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Final

from zaigang_collector.nodeimage import wifi as networks
from zaigang_collector.nodeimage.recipe import Recipe, Release

FOLDER: Final = "zaigang"
CONFIG_ADD: Final = "config.add"
CMDLINE_ADD: Final = "cmdline.add"
APPLY: Final = ("apply.sh", "README.txt")
"""For a folder that is carried to the card; nothing of these is needed on it."""
BEGINNINGS: Final = ("firstrun.sh", "user-data", "network-config", "meta-data")
"""What the first boot begins with, in one release or the other."""
PLACED: Final = (
    "install.sh",
    "provision.sh",
    "zaigang-provision.service",
    "60-zaigang-i2c.rules",
    "modules-load.conf",
    "sysctl.conf",
    "journald.conf",
    "system.conf",
    "timesyncd.conf",
)
"""Of firmware_config/node, the same on every card."""
_FIRSTRUN: Final = (
    "systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot "
    "systemd.run_failure_action=reboot systemd.unit=kernel-command-line.target"
)


def files(recipe: Recipe, node: Mapping[str, bytes]) -> dict[str, bytes]:
    """Contents by path on the boot partition; `node` is firmware_config/node."""
    made = {f"{FOLDER}/{name}": node[name] for name in PLACED}
    made |= {
        f"{FOLDER}/node.conf": _settings(recipe).encode(),
        f"{FOLDER}/agent.toml": recipe.profile.encode(),
        f"{FOLDER}/token": f"{recipe.token}\n".encode(),
        f"{FOLDER}/zaigang-agent.deb": recipe.package.data,
    }
    if recipe.ssh_keys:
        made[f"{FOLDER}/authorized_keys"] = "".join(f"{k}\n" for k in recipe.ssh_keys).encode()
    if recipe.release is Release.BOOKWORM:
        made["firstrun.sh"] = node["firstrun.sh"]
        if recipe.wifi is not None:
            made[f"{FOLDER}/wifi.nmconnection"] = networks.keyfile(recipe.wifi).encode()
        return made
    made["user-data"] = _user_data(recipe).encode()
    made["network-config"] = networks.netplan(recipe.wifi).encode()
    made["meta-data"] = f"instance-id: {recipe.instance}\n".encode()
    return made


def cmdline_words(recipe: Recipe) -> str:
    """What the kernel is told beside what the image tells it."""
    words = []
    if recipe.wifi is not None:  # without a country Pi OS keeps the radio off
        words.append(f"cfg80211.ieee80211_regdom={recipe.wifi.country}")
    is_trixie = recipe.release is Release.TRIXIE
    words.append(f"ds=nocloud;i={recipe.instance}" if is_trixie else _FIRSTRUN)
    return " ".join(words)


def _settings(recipe: Recipe) -> str:
    """node.conf, read by the shell."""
    values = {
        "instance": recipe.instance,
        "url": recipe.url,
        "hostname": recipe.hostname,
        "timezone": recipe.time_zone,
        "package": recipe.package.name,
        "package_sha256": recipe.package.sha256,
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _user_data(recipe: Recipe) -> str:
    # bootcmd runs at each boot, runcmd only once: a power cut in the middle would be for good.
    return (
        "#cloud-config\n"
        f"hostname: {json.dumps(recipe.hostname)}\n"
        "manage_etc_hosts: false\n"
        f"timezone: {json.dumps(recipe.time_zone)}\n"
        "ssh_pwauth: false\n"
        "disable_root: true\n"
        "bootcmd:\n"
        "  - [sh, /boot/firmware/zaigang/install.sh, --start]\n"
    )
