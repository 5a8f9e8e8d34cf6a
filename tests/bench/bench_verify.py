"""How long `zaigang-verify` takes for a working day, beside the rates of its two limits.

`python -m tests.bench.bench_verify` from the repository's root. A working day: 600 envelopes of ten
readings, 1,300 ledger entries in a ledger of 12 million, so proofs of 24 hashes. What it cannot do
without is one Ed25519 verification for each envelope and receipt, and one SHA-256 for each file,
leaf and node: `floor` is what these alone take in the same run.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

import zaigang_shared
from tests.factories import bundles
from zaigang_shared import bundle
from zaigang_shared.ledger_entry import EntryType

LIMIT_S: Final = 2.0
ENVELOPES: Final = 600
ENTRIES: Final = 1300
_LEDGER: Final = 12_000_000
_ROUNDS: Final = 5


def a_working_day() -> tuple[bytes, str]:
    """The bundle and its root's fingerprint."""
    world = bundles.World(
        device_ids=("laptop-li",), first_index=7_654_321, size=_LEDGER, readings_each=10
    )
    world.works(ENVELOPES)
    while len(world.log) < ENTRIES - 2:  # policy and assessment come last
        world.note_down(EntryType.WORK_LOG, len(world.log).to_bytes(200, "big"))
    return bundle.write(world.parts()), world.fingerprint


def measure() -> dict[str, float]:
    """Seconds, by what; and how large the bundle is."""
    data, root = a_working_day()
    found = {"MiB": len(data) / 2**20, "whole command": float("inf"), "floor": _floor(data)}
    environment = {"PYTHONPATH": str(Path(zaigang_shared.__file__).parents[1])}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "day.zip"
        file.write_bytes(data)
        command = [sys.executable, "-m", "zaigang_shared.verify", str(file), "--root", root]
        for _ in range(_ROUNDS):
            began = perf_counter()
            subprocess.run(command, env=os.environ | environment, check=True, capture_output=True)
            found["whole command"] = min(found["whole command"], perf_counter() - began)
    return found


def _floor(data: bytes) -> float:
    """What signatures and hashes alone take, by the rates of this run (seconds)."""
    files = bundle.read(data)
    signed = sum(name.startswith(("envelopes/", "receipts/")) for name in files)
    hashed = len(files) + ENTRIES + sum(len(one["proof"]) for one in bundles.entries_of(files))
    key = bundles.ed25519("laptop-li")
    message, public = bytes(700), key.public_key()
    signature = key.sign(message)
    began = perf_counter()
    for _ in range(signed):
        public.verify(signature, message)
    for _ in range(hashed):
        hashlib.sha256(message[:65]).digest()
    return perf_counter() - began


def report(found: dict[str, float]) -> str:
    """A table."""
    whole, floor = found["whole command"], found["floor"]
    return "\n".join(
        (
            f"bundle of a working day       {found['MiB']:8.2f} MiB",
            f"zaigang-verify, whole command {whole:8.3f} s   limit {LIMIT_S} s",
            f"its signatures and hashes     {floor:8.3f} s   {floor / whole:.2f} of the whole",
        )
    )


def main() -> None:
    """Measure and print."""
    print(report(measure()))


if __name__ == "__main__":
    main()
