"""An independent COSE library agrees with us about every golden message, and about forgeries.

cwt needs cbor2 before 6, we need 6, so it lives in a folder of its own: `make test` installs it
into the virtual environment; without make, the first run of this test does, once, into .venv-cwt.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.vectors import make

ROOT: Final = Path(__file__).parents[2]
PINS: Final = ROOT / "tests" / "second-opinion.txt"
SCRIPT: Final = Path(__file__).with_name("cwt_opinion.py")


def _folder_with_cwt() -> Path:
    from_make = Path(sys.prefix) / "second-opinion"
    if from_make.is_dir():
        return from_make
    pins = hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]
    ours = ROOT / ".venv-cwt" / pins
    if not ours.is_dir():
        # Two workers may both do it: the first to finish gives the folder its name.
        unfinished = ours.with_name(f"{pins}.{os.getpid()}")
        _install(unfinished)
        try:
            unfinished.rename(ours)
        except OSError:
            assert ours.is_dir()
    return ours


def _install(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    pins = ["--require-hashes", "--no-deps", "--target", str(folder), "-r", str(PINS)]
    subprocess.run([*pip, *pins], check=True)


def test_cwt_accepts_every_golden_message_and_none_with_a_flipped_bit() -> None:
    environment = {**os.environ, "PYTHONPATH": str(_folder_with_cwt())}
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(make.FOLDER)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("good 6, bad "), run.stdout
