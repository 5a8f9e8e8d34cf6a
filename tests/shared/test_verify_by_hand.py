"""docs/verify-by-hand.md, followed literally: its blocks in order, with the tools that it names."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509

from tests.factories import bundles
from tests.factories.bundles import a_world, ed25519, entries_of, files_of, rehashed, with_entries
from zaigang_shared import bundle, cbor, note
from zaigang_shared.checkpoint import Checkpoint

PAGE: Final = Path(__file__).parents[2] / "docs" / "verify-by-hand.md"
# What the page names, and what every shell has beside it.
NAMED: Final = ("unzip", "sha256sum", "openssl")
USUAL: Final = ("cat", "cut", "fold", "tail", "grep", "find", "wc", "basename", "dirname", "sh")
_TSA: Final = """
[ tsa ]
default_tsa = t
[ t ]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ tsa_ext ]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


def blocks() -> list[str]:
    """Each as it stands on the page."""
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def followed(folder: Path, data: bytes) -> list[subprocess.CompletedProcess[str]]:
    """The page up to the first block that ends with an error."""
    tools = folder / "tools"
    tools.mkdir()
    for name in (*NAMED, *USUAL):
        found = shutil.which(name)
        assert found, f"{name} is missing: tests/system-packages.sh installs it"
        (tools / name).symlink_to(found)
    python = tools / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    here = folder / "empty"
    here.mkdir()
    (here / "bundle.zip").write_bytes(data)
    runs = []
    for block in blocks():
        run = subprocess.run(
            ["sh", "-eu", "-c", block],
            cwd=here,
            env={"PATH": str(tools), "LC_ALL": "C.UTF-8"},
            check=False,
            capture_output=True,
            text=True,
        )
        runs.append(run)
        if run.returncode:
            break
    return runs


def stamped(folder: Path, text: str) -> tuple[bytes, bytes]:
    """A time stamp of `text` by an authority of our own, and its root (PEM)."""
    (folder / "tsa.cnf").write_text(_TSA)
    (folder / "serial").write_text("01\n")
    (folder / "text").write_text(text, newline="")
    curve = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    for command in (
        f"genpkey {curve} -out ca.key",
        f"genpkey {curve} -out tsa.key",
        "req -x509 -new -key ca.key -subj /CN=root -days 30 -out ca.pem",
        "req -new -key tsa.key -subj /CN=tsa -out tsa.csr",
        "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 "
        "-extfile tsa.cnf -extensions tsa_ext -out tsa.pem",
        "ts -query -data text -sha256 -cert -out query",
        "ts -reply -config tsa.cnf -queryfile query -out reply",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return (folder / "reply").read_bytes(), (folder / "ca.pem").read_bytes()


def test_the_page_works_as_written_on_a_bundle_that_holds(tmp_path: Path) -> None:
    runs = followed(tmp_path, bundles.a_bundle())
    assert [run.returncode for run in runs] == [0] * len(blocks()), (
        runs[-1].stderr + runs[-1].stdout
    )
    assert runs[1].stdout.split() == a_world(0).fingerprint.split()
    assert runs[2].stdout.count(": OK") == 2
    assert "12 envelopes and 12 receipts hold" in runs[5].stdout
    assert runs[6].stdout.count("Signature Verified Successfully") == 2
    assert "saw it at" in runs[6].stdout
    assert runs[8].stdout == "19 entries are in the ledger of 1000\n"
    assert runs[9].stdout == "verdict: confirmed\n"


def test_a_time_stamp_is_checked_as_the_page_says(tmp_path: Path) -> None:
    world = a_world()
    parts = world.parts()
    token, root = stamped(tmp_path, note.parse(parts.checkpoint).text)
    roots = x509.load_pem_x509_certificates(root)
    trust = replace(parts.trust, stamp_roots=roots)
    runs = followed(tmp_path, bundle.write(replace(parts, stamp=token, trust=trust)))
    assert [run.returncode for run in runs] == [0] * len(blocks()), runs[-1].stderr
    assert "Verification: OK" in runs[7].stdout + runs[7].stderr
    assert "Time stamp:" in runs[7].stdout


def edited() -> bytes:
    files = files_of(bundles.a_bundle())
    path = "envelopes/laptop-li/000000000003.cose"
    files[path] = files[path].replace(b"local", b"loc4l")
    return rehashed(files)


def exchanged() -> bytes:
    files = files_of(bundles.a_bundle())
    one, two = (f"envelopes/laptop-li/00000000000{seq}.cose" for seq in (3, 4))
    files[one], files[two] = files[two], files[one]
    return rehashed(files)


def replayed() -> bytes:
    files = files_of(bundles.a_bundle())
    mine = next(name for name in files if name.startswith("receipts/laptop-li/000000000003"))
    files[mine] = files[next(name for name in files if name.startswith("receipts/laptop-wang/"))]
    return rehashed(files)


def damaged() -> bytes:
    files = files_of(bundles.a_bundle())
    return bundle.pack({**files, "inputs.json": b"[]"})


def replaced_certificate() -> bytes:
    parts = a_world().parts()
    forged = [bundles.a_certificate("laptop-li", authority="mine")]
    return bundle.write(replace(parts, certificates={**parts.certificates, "laptop-li": forged}))


def forged_checkpoint() -> bytes:
    world = a_world()
    parts = world.parts()
    forged = Checkpoint(bundles.ORIGIN, world.size, world.tree().root()).sign(ed25519("forger"))
    text = str(replace(forged, signatures=(replace(forged.signatures[0], key_id=world.trust.log.id),)))  # fmt: skip
    return bundle.write(replace(parts, checkpoint=text, trust=replace(parts.trust, witnesses=())))


def back_dated() -> bytes:
    files, entries = files_of(bundles.a_bundle()), entries_of(files_of(bundles.a_bundle()))
    entry: dict[str, Any] = next(one for one in entries if one.get("type") == "clock_in")
    fields = cbor.loads(files.pop(entry["file"]), "clock-in")
    body = cbor.dumps(fields | {"punched": fields["punched"] - 3_600_000})
    entry["body"] = hashlib.sha256(body).hexdigest()
    entry["file"] = f"bodies/{entry['body']}"
    return with_entries({**files, entry["file"]: body}, entries)


def never_entered() -> bytes:
    path = f"bodies/{hashlib.sha256(b'slipped in').hexdigest()}"
    return rehashed({**files_of(bundles.a_bundle()), path: b"slipped in"})


def other_policy() -> bytes:
    world = a_world()
    return bundle.write(world.parts(world.assessment(b"{}")))


@pytest.mark.parametrize(
    ("attack", "block"),
    [
        (damaged, 0),
        (replaced_certificate, 2),
        (edited, 3),
        (exchanged, 5),
        (replayed, 5),
        (forged_checkpoint, 6),
        (back_dated, 8),
        (never_entered, 8),
        (other_policy, 9),
    ],
)
def test_each_attack_ends_the_page_at_the_block_that_is_for_it(
    attack: Callable[[], bytes], block: int, tmp_path: Path
) -> None:
    runs = followed(tmp_path, attack())
    assert len(runs) == block + 1, runs[-1].stderr
    assert runs[-1].returncode != 0
