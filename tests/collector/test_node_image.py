"""The files of a node's card: what is in them, what stays on the card, and what is refused."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.errors import NodeImageError
from zaigang_collector.nodeimage import files, merge, recipe, wifi, writing
from zaigang_collector.nodeimage.recipe import Package, Recipe, Release, Wifi
from zaigang_shared.identifiers import parse_token

# Of images of 2025: the first line that Raspberry Pi OS Lite brings, and the beginning of its settings.
CMDLINE = (
    "console=serial0,115200 console=tty1 root=PARTUUID=4d8fd085-02 rootfstype=ext4 "
    "fsck.repair=yes rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n"
)
CONFIG = "# For more options see http://rptl.io/configtxt\ndtparam=audio=on\n\n[cm4]\notg_mode=1\n"
BLOCK = writing.shipped()["config.txt"].decode()


def a_recipe(release: Release = Release.TRIXIE, network: Wifi | None = None) -> Recipe:
    return Recipe(
        release=release,
        instance="zaigang-abcd2345",
        token="zg1-abcd2345-" + "a" * 26 + "-" + "0" * 32,
        url="https://c.example.com:8471",
        hostname="zaigang-hq-abcd",
        time_zone="Asia/Shanghai",
        profile=recipe.profile_of(("sht4x@0x44", "scd4x")),
        package=Package("zaigang-agent_0.1.0_arm64.deb", b"!<arch>\nmade up"),
        wifi=network,
    )


def a_card(folder: Path) -> Path:
    boot = folder / "bootfs"
    boot.mkdir()
    (boot / "cmdline.txt").write_text(CMDLINE)
    (boot / "config.txt").write_text(CONFIG)
    (boot / "user-data").write_text("#cloud-config\n# an example\n")
    return boot


def test_the_key_of_a_network_is_that_of_the_standard() -> None:
    # IEEE 802.11-2020, annex J.4.2: test cases 1 and 2.
    assert wifi.psk("IEEE", "password") == (
        "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    )
    assert wifi.psk("ThisIsASSID", "ThisIsAPassword") == (
        "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"
    )
    assert wifi.psk("IEEE", "AB" * 32) == "ab" * 32


@pytest.mark.parametrize("passphrase", ["short", "x" * 64, "密码密码密码密码", ""])
def test_what_is_no_passphrase_is_refused_without_being_repeated(passphrase: str) -> None:
    with pytest.raises(NodeImageError, match="8 to 63 ASCII characters") as refused:
        wifi.psk("IEEE", passphrase)
    assert not passphrase or passphrase not in str(refused.value)


@pytest.mark.parametrize("ssid", ["", "x" * 33, "咖" * 11, "a\0b"])
def test_what_is_no_network_name_is_refused(ssid: str) -> None:
    with pytest.raises(NodeImageError, match="1 to 32 bytes"):
        wifi.psk(ssid, "password")


@pytest.mark.parametrize(
    ("ssid", "written"),
    [
        ("Office 5G", "Office 5G"),
        ("12;3", "49;50;59;51;"),
        ("2024", "50;48;50;52;"),
        ("a;b", "97;59;98;"),
        ("咖", "229;146;150;"),
        (" x", "32;120;"),
        ("x\\", "120;92;"),
    ],
)
def test_an_odd_network_name_is_written_as_bytes(ssid: str, written: str) -> None:
    assert f"\nssid={written}\n" in wifi.keyfile(Wifi(ssid, "0" * 64, "CN"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
@example("办公室 📶")
def test_any_network_name_is_one_that_yaml_reads_back(ssid: str) -> None:
    """YAML's own escape, a character each; half of one, as JSON has it, is another name."""
    (line,) = (one for one in wifi.netplan(Wifi(ssid, "0" * 64, "CN")).splitlines() if '":' in one)
    written = line.strip().removeprefix('"').removesuffix('":')
    told = re.sub(r"\\U([0-9A-F]{8})", lambda found: chr(int(found[1], 16)), written)
    assert told == ssid
    assert re.fullmatch(r"([A-Za-z0-9 ._-]|\\U[0-9A-F]{8})+", written)


def test_what_is_in_config_txt_stays_and_ours_ends_any_condition_above() -> None:
    merged = merge.config(CONFIG, BLOCK)
    assert merged.startswith(CONFIG)
    added = merged.removeprefix(CONFIG).splitlines()
    assert added[:2] == [merge.BEGIN, "[all]"]
    assert {"dtparam=i2c_arm=on", "dtparam=watchdog=on"} <= set(added)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))))
def test_a_card_that_is_written_again_has_our_lines_once(lines: list[str]) -> None:
    before = "".join(f"{line}\n" for line in lines if line not in (merge.BEGIN, merge.END))
    once = merge.config(before, BLOCK)
    assert once == before + BLOCK
    assert merge.config(once, BLOCK) == once


def test_the_kernels_line_stays_one_line_with_all_that_was_in_it() -> None:
    once = merge.cmdline(CMDLINE, "ds=nocloud;i=zaigang-1")
    assert once == CMDLINE.strip() + " ds=nocloud;i=zaigang-1\n"
    again = merge.cmdline(once, files.cmdline_words(a_recipe(Release.BOOKWORM)))
    assert again.startswith(CMDLINE.strip() + " systemd.run=/boot/firmware/firstrun.sh ")
    assert "nocloud" not in again
    assert merge.cmdline(again, "ds=nocloud;i=zaigang-1") == once


@pytest.mark.parametrize("text", ["", "\n", "quiet splash\n"])
def test_a_kernels_line_without_a_root_is_not_touched(text: str) -> None:
    with pytest.raises(NodeImageError, match="boot partition of Raspberry Pi OS"):
        merge.cmdline(text, "x")


def test_the_country_of_the_radio_is_on_the_kernels_line() -> None:
    network = Wifi("Office", "0" * 64, "DE")
    for release in Release:
        words = files.cmdline_words(a_recipe(release, network)).split()
        assert "cfg80211.ieee80211_regdom=DE" in words


def test_each_release_gets_the_files_that_it_reads() -> None:
    node, network = writing.shipped(), Wifi("Office", "0" * 64, "CN")
    bookworm = files.files(a_recipe(Release.BOOKWORM, network), node)
    trixie = files.files(a_recipe(Release.TRIXIE, network), node)
    assert bookworm.keys() ^ trixie.keys() == {
        "firstrun.sh", "zaigang/wifi.nmconnection", "user-data", "network-config", "meta-data",
    }  # fmt: skip
    assert trixie["meta-data"] == b"instance-id: zaigang-abcd2345\n"
    assert "ds=nocloud;i=zaigang-abcd2345" in files.cmdline_words(a_recipe())
    assert b"wlan0" not in files.files(a_recipe(), node)["network-config"]


def test_the_agents_settings_hold_the_sensors() -> None:
    made = files.files(a_recipe(), writing.shipped())
    told = tomllib.loads(made["zaigang/agent.toml"].decode())
    assert told == {"node": {"i2c_bus": 1, "sensors": ["sht4x@0x44", "scd4x"]}}


def test_what_a_shell_would_carry_out_is_only_a_value(tmp_path: Path) -> None:
    evil = "'; touch evil; echo '$(touch evil)`touch evil`"
    made = files.files(dataclasses.replace(a_recipe(), url=evil), writing.shipped())
    (tmp_path / "node.conf").write_bytes(made["zaigang/node.conf"])
    run = subprocess.run(
        ["sh", "-c", '. ./node.conf; printf %s "$url"'],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout == evil
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("release", list(Release))
def test_a_folder_that_is_applied_makes_the_same_card_as_writing_to_it(
    release: Release, tmp_path: Path
) -> None:
    made = a_recipe(release, Wifi("Office", "0" * 64, "CN"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    straight, carried = a_card(tmp_path / "a"), a_card(tmp_path / "b")
    folder = tmp_path / "folder"
    for _ in range(2):  # the second time over the first
        writing.write(straight, made)
    writing.write(folder, made)
    for _ in range(2):
        subprocess.run(["sh", folder / "apply.sh", carried], check=True, capture_output=True)
    assert _contents(straight) == _contents(carried)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_a_card_that_is_written_again_holds_nothing_of_the_time_before(tmp_path: Path) -> None:
    first = dataclasses.replace(
        a_recipe(Release.BOOKWORM, Wifi("Office", "0" * 64, "CN")), ssh_keys=("ssh-ed25519 AAAA",)
    )
    second = a_recipe(Release.TRIXIE)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    straight, carried = a_card(tmp_path / "a"), a_card(tmp_path / "b")
    for number, made in enumerate((first, second)):
        writing.write(straight, made)
        writing.write(tmp_path / f"folder{number}", made)
        apply = tmp_path / f"folder{number}" / "apply.sh"
        subprocess.run(["sh", apply, carried], check=True, capture_output=True)
        assert _contents(straight) == _contents(carried)
    left = _contents(straight)
    assert not {"firstrun.sh", "zaigang/authorized_keys", "zaigang/wifi.nmconnection"} & left.keys()
    assert b"systemd.run" not in left["cmdline.txt"]


def _contents(boot: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(boot)): path.read_bytes() for path in boot.rglob("*") if path.is_file()
    }


def test_the_images_own_example_is_kept_under_another_name(tmp_path: Path) -> None:
    boot = a_card(tmp_path)
    example = (boot / "user-data").read_bytes()
    assert writing.write(boot, a_recipe()) == ["user-data"]
    assert (boot / "user-data.before-zaigang").read_bytes() == example
    assert writing.write(boot, a_recipe()) == []
    assert (boot / "user-data.before-zaigang").read_bytes() == example


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(NodeImageError, match="neither empty nor a boot partition"):
        writing.write(tmp_path, a_recipe())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_partition_that_is_none_keeps_what_it_has(tmp_path: Path) -> None:
    boot = a_card(tmp_path)
    (boot / "cmdline.txt").write_text("nothing of the kind\n")
    before = _contents(boot)
    with pytest.raises(NodeImageError):
        writing.write(boot, a_recipe())
    assert _contents(boot) == before


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("zaigang-agent_0.1.0_amd64.deb", b"!<arch>\n", "64-bit Pi"),
        ("agent.deb", b"!<arch>\n", "64-bit Pi"),
        ("zaigang-agent_0.1.0_arm64.deb", b"<html>", "downloaded whole"),
    ],
)
def test_a_package_that_a_pi_would_not_install_is_refused(
    name: str, data: bytes, words: str
) -> None:
    with pytest.raises(NodeImageError, match=words):
        recipe.read_package(name, data)


def test_a_private_key_is_not_put_on_a_card() -> None:
    with pytest.raises(NodeImageError, match="stays where it is"):
        recipe.read_keys("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    with pytest.raises(NodeImageError, match="expected public SSH keys"):
        recipe.read_keys("hello\n")
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0 me@desk"
    assert recipe.read_keys(f"# mine\n\n{line}\n") == (line,)


@given(st.text(max_size=70), st.from_regex(r"zaigang-[a-z2-7]{8}", fullmatch=True))
def test_a_name_is_found_for_every_site(site_id: str, instance: str) -> None:
    name = recipe.default_hostname(site_id, instance)
    assert recipe.check_hostname(name) == name


# The command.


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one site, and beside it what a card is made from."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder), "--public-host", "c.example.com"]) == Exit.OK
    sites = "id,name,time_zone,latitude,longitude,datum,radius_m\nhq,总部,Asia/Shanghai,31.2,121.5,WGS-84,150\n"
    (tmp_path / "sites.csv").write_text(sites, encoding="utf-8")
    assert main(["sites", "import", str(tmp_path / "sites.csv"), "--data", str(folder)]) == Exit.OK
    (tmp_path / "zaigang-agent_0.1.0_arm64.deb").write_bytes(b"!<arch>\n")
    (tmp_path / "password").write_text("correct horse\n")
    capsys.readouterr()
    return folder


def image(data: Path, *more: str, site: str = "hq") -> int:
    package = str(data.parent / "zaigang-agent_0.1.0_arm64.deb")
    out = str(data.parent / "out")
    given = ["nodes", "image", "--data", str(data), "--site", site, "--out", out]
    return main([*given, "--package", package, *more])


def test_one_command_makes_the_card_and_the_token_in_it_is_for_that_site(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = ("--wifi-ssid", "Office", "--wifi-password-file", str(data.parent / "password"))
    assert image(data, *network, "--sensors", "sht4x@0x44") == Exit.OK
    out = data.parent / "out"
    token = parse_token((out / "zaigang" / "token").read_text())
    made = b"".join(_contents(out).values())
    assert b"correct horse" not in made
    assert wifi.psk("Office", "correct horse").encode() in made
    assert b"https://c.example.com:8471" in made
    told = capsys.readouterr()
    assert "zaigang-hq-" in told.out
    assert f"token revoke enrol {token.id}" in told.err
    assert str(token) not in told.out + told.err
    assert main(["token", "list", "--data", str(data)]) == Exit.OK
    assert f"enrol\t{token.id}\tnode hq\t0 of 1 used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "site", "code", "words"),
    [
        ((), "nowhere", Exit.UNKNOWN_ID, "nowhere"),
        (("--wifi-ssid", "Office"), "hq", Exit.FAILED, "go together"),
        (("--sensors", "sht4x@99"), "hq", Exit.FAILED, "MODEL@0xNN"),
        (("--hostname", "x_y"), "hq", Exit.FAILED, "not a host name"),
        (("--url", "http://10.0.0.5"), "hq", Exit.FAILED, "https://HOST:PORT"),
        (("--country", "china"), "hq", Exit.OK, ""),  # without Wi-Fi nobody asks
        (("--ssh-key-file", "/nonexistent"), "hq", Exit.CONFIG, "cannot be read"),
    ],
)
def test_what_no_card_can_be_made_from_is_said_and_no_token_is_left(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    site: str,
    code: Exit,
    words: str,
) -> None:
    assert image(data, *more, site=site) == code
    assert words in capsys.readouterr().err
    main(["token", "list", "--data", str(data)])
    assert ("node hq" in capsys.readouterr().out) == (code is Exit.OK)


def test_a_collector_that_calls_itself_localhost_makes_no_card(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = data / "collector.toml"
    settings.write_text(settings.read_text().replace("c.example.com", "127.0.0.1"))
    assert image(data) == Exit.CONFIG
    assert "public_host" in capsys.readouterr().err
    assert image(data, "--url", "https://10.0.0.5:8471") == Exit.OK


def test_a_profile_is_taken_as_it_is(data: Path) -> None:
    profile = data.parent / "own.toml"
    profile.write_text('[node]\nsensors = ["sht4x"]\n')
    assert image(data, "--profile", str(profile)) == Exit.OK
    assert (data.parent / "out/zaigang/agent.toml").read_text() == profile.read_text()
