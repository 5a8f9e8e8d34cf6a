"""The command `zaigang-verify`: its exit codes, its languages, and whom it is told to trust."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import zaigang_shared
from tests.factories import bundles
from tests.factories.bundles import a_world
from tests.fakes.tsa import LocalAuthority
from zaigang_shared import bundle, bundle_check, merkle, verify
from zaigang_shared import note as notes
from zaigang_shared.bundle_report import Answer

ROOT = a_world(0).fingerprint
WITNESS = str(a_world(0).trust.witnesses[0])


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A bundle that holds."""
    return saved(tmp_path, bundles.a_bundle())


def saved(folder: Path, data: bytes, name: str = "bundle.zip") -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The sentence on a command line that is not right."""
    with pytest.raises(SystemExit) as stopped:
        verify.main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_bundle_under_the_named_root_holds(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([file, "--root", ROOT, "--witness", WITNESS, "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "结论：成立" in told
    assert "这不说明什么" in told


def test_without_a_root_the_answer_is_loud_and_has_its_own_code(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main([file, "--lang", "en"]) == 4
    told = capsys.readouterr().out
    assert "IN ITSELF" in told
    for group in ROOT.split():
        assert group in told


def test_a_broken_link_is_named_and_gives_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = bundles.files_of(bundles.a_bundle())
    del found["envelopes/laptop-li/000000000003.cose"]
    file = saved(tmp_path, bundles.rehashed(found))
    assert verify.main([file, "--root", ROOT, "--lang", "en"]) == 1
    assert "envelopes/laptop-li/000000000003.cose is not in the bundle" in capsys.readouterr().out
    assert verify.main([file, "--root", ROOT, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["answer"], told["exit_code"]) == ("broken", 1)
    broken = [link for link in told["links"] if link["state"] == "broken"]
    assert [link["name"] for link in broken] == ["entries"]
    assert {link["state"] for link in told["links"][9:]} == {"not_checked"}


def test_another_root_gives_1(file: str) -> None:
    other = a_world(0, log_name="other").fingerprint
    assert verify.main([file, "--root", other]) == 1


def test_what_is_no_bundle_or_is_not_there_gives_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.main([saved(tmp_path, b"PK\x03\x04 no zip"), "--root", ROOT]) == 3
    assert verify.main([str(tmp_path / "nothing"), "--root", ROOT]) == 3
    assert "cannot be read" in capsys.readouterr().err
    _ = capsys.readouterr()
    assert verify.main([saved(tmp_path, b"x"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["answer"] == "unreadable"


def test_the_three_keys_can_be_given_as_files(file: str, tmp_path: Path) -> None:
    trust = a_world(0).trust
    ca = saved(tmp_path, trust.ca.public_bytes(Encoding.PEM), "ca.pem")
    raw = trust.collector_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = saved(tmp_path, raw, "collector.pem")
    log = saved(tmp_path, f"{trust.log}\n".encode(), "log.vkey")
    for vkey in (str(trust.log), log):
        assert verify.main([file, "--ca", ca, "--log", vkey, "--collector-key", key]) == 0
    other = saved(tmp_path, bundles.an_authority("other").public_bytes(Encoding.PEM), "other.pem")
    assert verify.main([file, "--ca", other, "--log", log, "--collector-key", key]) == 1


def test_as_many_named_witnesses_as_needed_must_have_cosigned(file: str) -> None:
    log = a_world(0, log_name="another witness").trust.log
    absent = str(replace(log, name="zaigang.example/w2", type=4))
    both = ["--witness", WITNESS, "--witness", absent]
    assert verify.main([file, "--root", ROOT, *both]) == 1
    assert verify.main([file, "--root", ROOT, *both, "--witnesses-needed", "1"]) == 0


def test_two_bundles_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(tmp_path, bundles.a_bundle())
    fork = saved(tmp_path, bundle.write(a_world(trailing=b"x").parts()), "fork.zip")
    assert verify.main([file, "--root", ROOT, "--against", fork, "--lang", "en"]) == 1
    assert "contradict each other" in capsys.readouterr().out
    later = a_world(size=2000)
    grown = saved(tmp_path, bundle.write(later.parts()), "grown.zip")
    assert verify.main([file, "--root", ROOT, "--against", grown]) == 5
    hashes = merkle.consistency_proof(1000, 2000, later.tree().node)
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)
    proof = saved(tmp_path, lines.encode(), "proof")
    arguments = [file, "--root", ROOT, "--against", grown, "--consistency", proof]
    assert verify.main(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--root", "12345"], "64 hex digits"),
        (["--ca", "x"], "go together"),
        (["--witness", "x+y"], "not a verifier key"),
        (["--witness", str(a_world(0).trust.log)], "which is not a witness's"),
        (["--witness", WITNESS, "--witnesses-needed", "2"], "is 1 to 1"),
        (["--consistency", "x"], "is for --against"),
        (["--no-such-option"], "unrecognized"),
    ],
)
def test_a_command_line_that_is_not_right_gives_2_and_says_why(
    file: str, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, file, *arguments)


def test_a_time_stamp_by_openssl_is_checked_under_the_root_that_is_named(tmp_path: Path) -> None:
    world = a_world()
    authority = LocalAuthority.create(tmp_path / "authority")
    parts = world.parts()
    token = authority.stamp(notes.parse(parts.checkpoint).text.encode())
    file = saved(tmp_path, bundle.write(replace(parts, stamp=token)))
    named = [file, "--root", ROOT, "--tsa"]
    assert verify.main([*named, str(authority.root_file)]) == 0
    other = saved(tmp_path, bundles.an_authority("another").public_bytes(Encoding.PEM), "other.pem")
    assert verify.main([*named, other]) == 1
    old = authority.stamp(b"another checkpoint\n")
    replayed = saved(tmp_path, bundle.write(replace(world.parts(), stamp=old)), "replayed.zip")
    assert verify.main([replayed, "--root", ROOT, "--tsa", str(authority.root_file)]) == 1


def test_the_language_is_the_terminals() -> None:
    assert verify.language_of({"LANG": "zh_CN.UTF-8"}) == "zh"
    assert verify.language_of({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}) == "en"
    assert verify.language_of({}) == "en"


def test_every_exit_code_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        verify.main(["--help"])
    told = capsys.readouterr().out
    for code in sorted({2, *map(int, Answer)}):
        assert f"\n  {code}  " in told


def test_every_step_of_the_comment_is_a_step_of_the_check() -> None:
    report = bundle_check.check(bundles.a_bundle(), against=bundles.a_bundle())
    for link in report.links:
        assert f"\n{link.number:2}. {link.name}: " in (bundle_check.__doc__ or "")


def test_it_runs_as_a_module_with_nothing_but_its_arguments(file: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "zaigang_shared.verify", file, "--root", ROOT],
        env={"PYTHONPATH": str(Path(zaigang_shared.__file__).parents[1]), "LANG": "zh_CN.UTF-8"},
        check=False,
        capture_output=True,
    )
    assert run.returncode == 0, run.stderr
    assert "结论：成立" in run.stdout.decode()


def test_every_option_and_exit_code_is_in_the_operations_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    section = page.partition("### Checking an evidence bundle")[2].partition("To bring in")[0]
    with pytest.raises(SystemExit):
        verify.main(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) >= 11
    assert {option for option in options if option not in section} == set()
    for code in sorted({2, *map(int, Answer)}):
        assert f"\n| {code} | " in section
