"""firmware_config/node: read by the tools that will read it, and run against a pretended Pi."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.pi import CMDLINE, PATH, Pi
from tests.repo.checks import ROOT
from zaigang_collector.nodeimage import recipe, writing
from zaigang_collector.nodeimage.recipe import Package, Recipe, Release, Wifi

_FOLDER: Final = ROOT / "firmware_config" / "node"
_SCRIPTS: Final = sorted(_FOLDER.glob("*.sh"))
_TOKEN: Final = "zg1-abcd2345-" + "a" * 26 + "-" + "0" * 32
_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0 me@desk"


def a_recipe(release: Release) -> Recipe:
    return Recipe(
        release=release,
        instance="zaigang-abcd2345",
        token=_TOKEN,
        url="https://c.example.com:8471",
        hostname="zaigang-hq-abcd",
        time_zone="Asia/Shanghai",
        profile=recipe.profile_of(("sht4x@0x44",)),
        package=Package("zaigang-agent_0.1.0_arm64.deb", b"!<arch>\nmade up"),
        wifi=Wifi("咖啡📶 5G", "0" * 64, "CN"),
        ssh_keys=(_KEY,),
    )


def a_pi(folder: Path, release: Release) -> Pi:
    return Pi(folder, lambda boot: writing.write(boot, a_recipe(release)))


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return a_pi(tmp_path, Release.BOOKWORM)


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.name)
def test_the_script_passes_shellcheck(script: Path) -> None:
    run = subprocess.run(
        ["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


def test_a_mistake_in_a_script_would_be_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sh"
    wrong.write_text("#!/bin/sh\nrm -rf $1/*\n")
    assert subprocess.run(["shellcheck", wrong], capture_output=True, check=False).returncode == 1


def test_the_first_boot_of_bookworm_puts_everything_into_its_place(pi: Pi) -> None:
    run = pi.run(pi.boot / "firstrun.sh")
    assert run.returncode == 0, run.stderr
    made = pi.installed()
    assert made["etc/hostname"] == b"zaigang-hq-abcd\n"
    assert made["etc/hosts"] == b"127.0.0.1 localhost\n127.0.1.1 zaigang-hq-abcd\n"
    assert made["etc/timezone"] == b"Asia/Shanghai\n"
    assert (pi.root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Asia/Shanghai")
    assert b'"sht4x@0x44"' in made["etc/zaigang/agent.toml"]
    assert (
        made["etc/udev/rules.d/60-zaigang-i2c.rules"]
        == (_FOLDER / "60-zaigang-i2c.rules").read_bytes()
    )
    assert b"psk=" in made["etc/NetworkManager/system-connections/zaigang.nmconnection"]
    assert made["var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan"] == b"0\n"
    assert made["home/zaigang-admin/.ssh/authorized_keys"].decode() == f"{_KEY}\n"
    assert made["var/lib/zaigang-provision/token"].decode() == f"{_TOKEN}\n"
    for secret in (
        "etc/NetworkManager/system-connections/zaigang.nmconnection",
        "var/lib/zaigang-provision/token",
    ):
        assert (pi.root / secret).stat().st_mode & 0o777 == 0o600
    assert "systemctl enable zaigang-provision.service" in pi.called()


def test_after_the_first_boot_the_boot_partition_holds_no_secret_and_does_not_begin_again(
    pi: Pi,
) -> None:
    pi.run(pi.boot / "firstrun.sh")
    left = b"".join(path.read_bytes() for path in pi.boot.rglob("*") if path.is_file())
    assert _TOKEN.encode() not in left
    assert b"psk=" not in left
    assert not (pi.boot / "firstrun.sh").exists()
    words = (pi.boot / "cmdline.txt").read_text().split()
    assert words == [*CMDLINE.split(), "cfg80211.ieee80211_regdom=CN"]


def test_a_power_cut_anywhere_in_the_first_boot_costs_a_restart_and_nothing_else(
    tmp_path: Path,
) -> None:
    whole = a_pi(tmp_path / "whole", Release.BOOKWORM)
    whole.run(whole.boot / "firstrun.sh")
    # `sync` and `mv` stand at every step that matters: the power fails at the n-th of them.
    for cut in range(1, 60):
        pi = a_pi(tmp_path / str(cut), Release.BOOKWORM)
        counter = tmp_path / str(cut) / "count"
        dies = f"n=$(($(cat {counter} 2>/dev/null || echo 0) + 1)); echo $n >{counter}\n"
        dies += f'[ "$n" -ne {cut} ] || kill -9 $PPID\n'
        for name in ("sync", "mv"):
            real = shutil.which(name, path=PATH)
            pi.stub(name, f'{dies}exec {real} "$@"')
        first = pi.run(pi.boot / "firstrun.sh")
        if int(counter.read_text()) < cut:
            assert first.returncode == 0
            break
        for _ in range(3):
            if (pi.boot / "firstrun.sh").exists():
                pi.run(pi.boot / "firstrun.sh")
        assert pi.installed() == whole.installed(), cut
        assert (pi.boot / "cmdline.txt").read_text() == (whole.boot / "cmdline.txt").read_text()
        assert not (pi.boot / "zaigang/token").exists()
    else:
        raise AssertionError("the first boot takes more steps than were tried")


def test_a_damaged_package_is_not_installed_and_the_card_says_so(pi: Pi) -> None:
    (pi.boot / "zaigang/zaigang-agent.deb").write_bytes(b"!<arch>\nmade uP")
    assert pi.run(pi.boot / "firstrun.sh").returncode != 0
    assert "write the card again" in pi.status()
    assert (pi.boot / "zaigang/token").exists()
    assert "systemd.run=" in (pi.boot / "cmdline.txt").read_text()


def test_enrolment_is_tried_again_until_it_works_and_then_the_token_is_gone(pi: Pi) -> None:
    pi.run(pi.boot / "firstrun.sh")
    pi.stub("runuser", "echo 'zaigang-agent: c.example.com does not answer: check network'; exit 3")
    for _ in range(3):
        assert pi.provision().returncode == 1
    assert "not enrolled yet: zaigang-agent: c.example.com does not answer" in pi.status()
    assert (pi.state / "token").exists()
    pi.enrolls()
    assert pi.provision().returncode == 0
    assert not (pi.state / "token").exists()
    assert pi.status() == "enrolled as node zaigang-hq-abcd\n"
    called = pi.called()
    assert _TOKEN in called  # by the environment, and in no command line
    assert not any(_TOKEN in line for line in called if line != _TOKEN)
    assert sum(line.startswith("apt-get install") for line in called) == 1
    tail = [line for line in called if line.startswith("systemctl")][-3:]
    assert tail == [
        "systemctl disable --now zaigang-agent.service",
        "systemctl enable --now zaigang-node.service",
        "systemctl disable zaigang-provision.service",
    ]


def test_a_cut_after_enrolment_does_not_enrol_again(pi: Pi) -> None:
    pi.run(pi.boot / "firstrun.sh")
    pi.enrolls()
    pi.stub("systemctl", '[ "$1" != enable ] || kill -9 $PPID')
    assert pi.provision().returncode != 0
    pi.stub("systemctl")
    assert pi.provision().returncode == 0
    assert sum(line.startswith("runuser") for line in pi.called()) == 1
    assert not (pi.state / "token").exists()


def test_without_token_and_identity_the_card_says_what_to_do(pi: Pi) -> None:
    pi.run(pi.boot / "firstrun.sh")
    (pi.state / "token").unlink()
    assert pi.provision().returncode == 1
    assert "zaigang-collector nodes image" in pi.status()


def test_a_package_that_does_not_install_yet_is_tried_again(pi: Pi) -> None:
    pi.run(pi.boot / "firstrun.sh")
    pi.stub("apt-get", "echo 'E: could not get lock'; exit 100")
    assert pi.provision().returncode == 1
    assert pi.status() == "the agent is not installed yet: E: could not get lock\n"
    pi.stub("apt-get")
    pi.enrolls()
    assert pi.provision().returncode == 0


def test_cloud_init_runs_the_same_at_each_boot_and_it_acts_once(tmp_path: Path) -> None:
    pi = a_pi(tmp_path, Release.TRIXIE)
    command = re.search(r"^  - \[(.*)\]$", (pi.boot / "user-data").read_text(), re.MULTILINE)
    assert command is not None
    program, script, *arguments = command[1].split(", ")
    assert program == "sh"
    installer = pi.root / script.removeprefix("/")
    assert pi.run(installer, *arguments).returncode == 0
    assert "systemctl --no-block start zaigang-provision.service" in pi.called()
    before, count = pi.installed(), len(pi.called())
    assert pi.run(installer, *arguments).returncode == 0
    assert pi.installed() == before
    assert [line.split()[0] for line in pi.called()[count:]] == ["sync"]


def test_a_new_card_for_the_same_system_is_installed_again(pi: Pi) -> None:
    pi.run(pi.boot / "firstrun.sh")
    conf = pi.boot / "zaigang/node.conf"
    conf.write_text(conf.read_text().replace("abcd2345", "efgh2345"))
    (pi.boot / "zaigang/token").write_text("another\n")
    assert pi.run(pi.boot / "zaigang/install.sh").returncode == 0
    assert (pi.state / "token").read_text() == "another\n"


def test_cloud_inits_own_schema_holds(tmp_path: Path) -> None:
    writing.write(tmp_path / "out", a_recipe(Release.TRIXIE))
    run = _schema(tmp_path / "out/user-data")
    assert run.returncode == 0, run.stdout + run.stderr
    wrong = tmp_path / "wrong"
    text = (tmp_path / "out/user-data").read_text()
    wrong.write_text(text.replace("ssh_pwauth: false", "ssh_pwauth: [1]"))
    assert _schema(wrong).returncode != 0


def _schema(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cloud-init", "schema", "--config-file", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_netplan_reads_the_network_and_the_key_as_a_key(tmp_path: Path) -> None:
    writing.write(tmp_path / "out", a_recipe(Release.TRIXIE))
    (tmp_path / "root/etc/netplan").mkdir(parents=True)
    shutil.copy(tmp_path / "out/network-config", tmp_path / "root/etc/netplan/node.yaml")
    program = shutil.which("netplan", path=PATH)
    assert program is not None
    run = subprocess.run(
        [program, "generate", "--root-dir", tmp_path / "root"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    [made] = (tmp_path / "root").rglob("wpa-wlan0.conf")
    text = made.read_text(encoding="utf-8")
    assert 'ssid="咖啡📶 5G"' in text
    assert f"psk={'0' * 64}\n" in text  # in quotes it would be a passphrase
    assert "country=CN" in text


def test_the_unit_verifies(tmp_path: Path) -> None:
    text = (_FOLDER / "zaigang-provision.service").read_text(encoding="utf-8")
    copy = tmp_path / "zaigang-provision.service"
    assert "/usr/local/lib/zaigang/provision.sh" in text
    copy.write_text(text.replace("/usr/local/lib/zaigang/provision.sh", "/bin/true"))
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def _settings(name: str) -> list[tuple[str, str, str]]:
    """(section, key, value) of a file of systemd."""
    section, found = "", []
    for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, sign, value = line.partition("=")
            assert sign, line
            found.append((section, key, value))
    return found


# The tables by which these programs know their settings are in them as text: gperf's as
# "Section.Key", the manager's key by key.
_PROGRAMS: Final = {
    "journald.conf": ("systemd-journald", True),
    "timesyncd.conf": ("systemd-timesyncd", True),
    "system.conf": ("systemd", False),
}


@pytest.mark.parametrize("name", _PROGRAMS)
def test_systemd_knows_every_setting(name: str) -> None:
    program, with_section = _PROGRAMS[name]
    path = Path("/usr/lib/systemd") / program
    if not path.exists():
        pytest.skip(f"{program} is not installed")
    known = path.read_bytes()
    for section, key, _ in _settings(name):
        entry = f"{section}.{key}" if with_section else key
        assert b"\0" + entry.encode() + b"\0" in known, entry
    assert b"\0Journal.RuntimeMaxUsed\0" not in known


@pytest.mark.parametrize("name", _PROGRAMS)
def test_systemd_understands_the_times(name: str) -> None:
    spans = [value for _, key, value in _settings(name) if key.endswith("Sec")]
    for value in spans:
        run = subprocess.run(
            ["systemd-analyze", "timespan", value], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, value


def test_the_kernel_knows_every_sysctl() -> None:
    for line in (_FOLDER / "sysctl.conf").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition(" = ")
            assert (Path("/proc/sys") / key.replace(".", "/")).is_file(), key
            assert value.isdigit()


def test_the_udev_rule_gives_the_bus_to_its_group() -> None:
    path = _FOLDER / "60-zaigang-i2c.rules"
    [rule] = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    parts = [re.fullmatch(r'([A-Z]+)(==|=)"([^"]*)"', part) for part in rule.split(", ")]
    found = {part[1]: (part[2], part[3]) for part in parts if part is not None}
    assert found == {
        "SUBSYSTEM": ("==", "i2c-dev"), "GROUP": ("=", "i2c"), "MODE": ("=", "0660"),
    }  # fmt: skip
    assert len(parts) == len(found)
    unit = (ROOT / "systemd" / "zaigang-node.service").read_text(encoding="utf-8")
    assert "SupplementaryGroups=i2c" in unit
    if _udevadm_verifies():
        run = subprocess.run(
            ["udevadm", "verify", path], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr


def _udevadm_verifies() -> bool:
    """systemd 254 brought `udevadm verify`."""
    if shutil.which("udevadm") is None:
        return False
    told = subprocess.run(["udevadm", "--help"], capture_output=True, text=True, check=False)
    return "verify" in told.stdout


def test_the_watchdog_is_fed_more_often_than_the_hardware_waits() -> None:
    [value] = [value for _, key, value in _settings("system.conf") if key == "RuntimeWatchdogSec"]
    assert 1 <= int(value) <= 15  # what the BCM2835's watchdog can wait for
    assert "dtparam=watchdog=on" in (_FOLDER / "config.txt").read_text()


def test_an_installed_collector_brings_these_files_along(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {
            Path(name).name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("zaigang_collector/nodeimage/node/")
        }
    assert inside == writing.shipped()
