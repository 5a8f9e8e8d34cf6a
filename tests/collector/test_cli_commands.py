"""The command line: what it prints, and what its exit codes are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.factories.devices import a_csr
from zaigang_collector import bootstrap
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.devices import enrolment
from zaigang_collector.devices.model import DeviceKind, EnrolRequest, TokenScope

SITES = "id,name,time_zone,latitude,longitude,datum,radius_m\nhq,陆家嘴,Asia/Shanghai,31.2,121.5,WGS-84,150\n"
PEOPLE = "id,name,time_zone,shift\nE001,王晓梅,Asia/Shanghai,Mon-Sun 09:00-18:00\n"
CLOCK_INS = "employee,site,direction,punched_at\nE001,hq,in,2020-09-21 08:55\n"


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one site and one person."""
    made = stocked(tmp_path)
    capsys.readouterr()
    return made


def stocked(tmp_path: Path) -> Path:
    """The same, for other tests."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    assert run(folder, "sites", "import", save(tmp_path, "sites.csv", SITES)) == Exit.OK
    assert run(folder, "people", "import", save(tmp_path, "people.csv", PEOPLE)) == Exit.OK
    return folder


def save(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(data: Path, *arguments: str) -> int:
    return main([*arguments, "--data", str(data)])


def test_init_makes_a_private_directory_and_never_overwrites_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
    before = (folder / "ca.key").read_bytes()
    assert main(["init", "--data", str(folder)]) == Exit.CONFIG
    assert "nothing was changed" in capsys.readouterr().err
    assert (folder / "ca.key").read_bytes() == before


def test_without_a_data_directory_the_sentence_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "none", "sites", "list") == Exit.CONFIG
    assert "zaigang-collector init" in capsys.readouterr().err


def test_what_was_imported_is_listed_and_shown(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "sites", "list") == Exit.OK
    assert "hq\t陆家嘴\tclient\tAsia/Shanghai\t150.0" in capsys.readouterr().out
    assert run(data, "sites", "show", "hq") == Exit.OK
    assert "radius 150.0 m" in capsys.readouterr().out
    assert run(data, "people", "show", "E001") == Exit.OK
    assert "name: 王晓梅" in capsys.readouterr().out


@pytest.mark.parametrize("room", ["sites", "people", "devices", "clock-ins", "assessments"])
def test_an_unknown_id_has_an_exit_code_of_its_own(
    data: Path, room: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, room, "show", "nothing") == Exit.UNKNOWN_ID
    assert "nothing" in capsys.readouterr().err


def test_clock_ins_are_imported_once(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, "clock-ins.csv", CLOCK_INS)
    assert run(data, "clock-ins", "import", path) == Exit.OK
    assert capsys.readouterr().out == "1 new, 0 edited, 0 known already, of 1 people\n"
    assert run(data, "clock-ins", "import", path) == Exit.OK
    assert capsys.readouterr().out == "0 new, 0 edited, 1 known already, of 1 people\n"
    assert run(data, "clock-ins", "list") == Exit.OK
    listed = capsys.readouterr().out
    assert "2020-09-21 08:55:00+0800\tin\tE001\thq" in listed
    name = listed.splitlines()[1].split("\t")[0]
    assert run(data, "clock-ins", "show", name) == Exit.OK
    assert "employee: E001" in capsys.readouterr().out


def test_a_wrong_line_is_named_and_nothing_is_imported(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, "clock-ins.csv", CLOCK_INS + "E001,hq,in,tomorrow\n")
    assert run(data, "clock-ins", "import", path) == Exit.BAD_INPUT
    told = capsys.readouterr().err
    assert path in told
    assert "line 3, column punched_at: expected a time" in told
    assert "found 'tomorrow'" in told
    run(data, "clock-ins", "list")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_file_that_is_not_there_is_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "clock-ins", "import", "/no/such.csv") == Exit.CONFIG
    assert "/no/such.csv cannot be read" in capsys.readouterr().err


def test_tokens_are_printed_once_listed_without_secret_and_revoked(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "token", "api", "hr", "read:assessments") == Exit.OK
    token = capsys.readouterr().out.strip()
    assert token.startswith("zgapi-")
    assert run(data, "token", "enrol", "--employee", "E001") == Exit.OK
    enrol = capsys.readouterr().out.strip()
    assert enrol.startswith("zg1-")
    run(data, "token", "list")
    listed = capsys.readouterr().out
    assert "laptop E001" in listed
    assert token.split("-")[2] not in listed
    assert enrol.split("-")[2] not in listed
    assert run(data, "token", "revoke", "api", token.split("-")[1]) == Exit.OK
    run(data, "token", "list")
    assert "revoked" in capsys.readouterr().out


def test_a_spreadsheet_of_devices_gives_a_token_for_each_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "employee_id,site_id,uses\nE001,,\n,hq,3\n"
    assert run(data, "devices", "import", save(tmp_path, "devices.csv", text)) == Exit.OK
    _, laptop, node = capsys.readouterr().out.splitlines()
    assert laptop.startswith("E001\tlaptop\t1\tzg1-")
    assert node.startswith("hq\tnode\t3\tzg1-")
    wrong = "employee_id,site_id,uses\nE001,,\nE001,hq,\nnobody,,\n,hq,many\n"
    path = save(tmp_path, "wrong.csv", wrong)
    assert run(data, "devices", "import", path) == Exit.BAD_INPUT
    told = capsys.readouterr().err
    for place in ("line 3:", "line 4, column employee_id:", "line 5, column uses:"):
        assert place in told
    run(data, "token", "list")
    assert capsys.readouterr().out.count("enrol\t") == 2


def _enrolled_for_nobody(data: Path, *names: str) -> list[str]:
    """Ids of laptops that came in with a bulk token."""
    with bootstrap.opened(data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        scope = TokenScope(DeviceKind.LAPTOP, uses=len(names))
        token = enrolment.issue_token(
            conn,
            scope,
            now_ms,
            now_ms + 1000,
            collector.keys.authority,
            collector.randomness,
        )
        return [
            enrolment.enrol(
                conn,
                token,
                EnrolRequest(
                    a_csr(Ed25519PrivateKey.generate()), DeviceKind.LAPTOP, name, "x", "1"
                ),
                now_ms,
                collector.issuer,
            ).device.id
            for name in names
        ]


def test_laptops_of_a_bulk_token_are_assigned_by_name_or_id(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "token", "enrol", "--unassigned", "--uses", "100", "--hours", "72") == Exit.OK
    assert capsys.readouterr().out.startswith("zg1-")
    run(data, "token", "list")
    assert "laptop of nobody yet\t0 of 100 used, last never" in capsys.readouterr().out
    one, twin, other = _enrolled_for_nobody(data, "pc-1", "pc-2", "pc-2")
    path = save(tmp_path, "owners.csv", f"device,employee_id\npc-1,E001\n{twin},E001\n")
    assert run(data, "devices", "assign", path) == Exit.OK
    assert capsys.readouterr().out == "2 changed hands\n"
    assert run(data, "devices", "assign", path) == Exit.OK
    assert capsys.readouterr().out == "0 changed hands\n"
    run(data, "devices", "show", one)
    assert "employee: E001" in capsys.readouterr().out
    assert run(data, "devices", "assign", save(tmp_path, "in.csv", f"device\n{one}\n")) == Exit.OK
    run(data, "devices", "show", one)
    assert "employee: -" in capsys.readouterr().out
    run(data, "devices", "show", other)
    assert "employee: -" in capsys.readouterr().out


def test_an_assignment_that_is_not_clear_changes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, *_ = _enrolled_for_nobody(data, "pc-1", "pc-2", "pc-2")
    lines = ["pc-1,E001,", f"{one},E001,", "pc-2,E001,", "pc-3,E001,", ",E001,"]
    text = "device,employee_id,site_id\n" + "\n".join(lines) + "\n"
    path = save(tmp_path, "owners.csv", text)
    assert run(data, "devices", "assign", path) == Exit.BAD_INPUT
    told = capsys.readouterr().err
    assert "line 3, column device: expected each device once" in told
    assert "line 4, column device: expected an id: 2 devices call themselves so" in told
    for line in (5, 6):
        assert f"line {line}, column device: expected the id or the name" in told
    text = "device,employee_id,site_id\npc-1,,hq\n"
    assert run(data, "devices", "assign", save(tmp_path, "site.csv", text)) == Exit.BAD_INPUT
    text = "device,employee_id,site_id\npc-1,nobody,\n"
    assert run(data, "devices", "assign", save(tmp_path, "who.csv", text)) == Exit.BAD_INPUT
    capsys.readouterr()
    run(data, "devices", "show", one)
    assert "employee: -" in capsys.readouterr().out


def test_a_device_in_quarantine_comes_with_what_to_do(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = _enrolled_for_nobody(data, "pc-1")
    assert run(data, "devices", "status", one, "quarantined", "--why", "two hosts") == Exit.OK
    capsys.readouterr()
    run(data, "devices", "show", one)
    told = capsys.readouterr().err
    assert "Nobody is accused" in told
    assert f"token enrol --unassigned --replaces {one}" in told


def test_a_token_for_somebody_unknown_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "token", "enrol", "--employee", "nobody") == Exit.UNKNOWN_ID
    assert run(data, "token", "enrol", "--employee", "E001", "--uses", "0") == Exit.USAGE
    assert "1 to" in capsys.readouterr().err


def test_an_interval_without_any_device_is_unverified(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(data, "clock-ins", "import", save(tmp_path, "clock-ins.csv", CLOCK_INS))
    span = ["--from", "2020-09-20T00:00:00+08:00", "--to", "2020-09-23T00:00:00+08:00"]
    capsys.readouterr()
    assert run(data, "assess", *span) == Exit.OK
    assert capsys.readouterr().out == "1 intervals: 1 added\n"
    assert run(data, "assess", *span) == Exit.OK
    assert capsys.readouterr().out == "1 intervals: 1 unchanged\n"
    run(data, "assessments", "list")
    line = capsys.readouterr().out.splitlines()[1].split("\t")
    assert line[2:4] + line[6:7] == ["E001", "hq", "unverified"]
    run(data, "assessments", "show", line[0])
    assert json.loads(capsys.readouterr().out)["presence"] == "unverified"


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["sites"], ["assess", "--from", "yesterday"], ["devices", "list", "--zone", "X"]],
)
def test_wrong_usage_is_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == Exit.USAGE
    assert "usage:" in capsys.readouterr().err


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for code in Exit:
        assert f"  {code.value}  " in text
