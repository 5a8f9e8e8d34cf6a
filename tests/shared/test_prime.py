"""msgspec's first look at a type must not be taken by two threads at once (see `prime`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zaigang_shared.prime import prime

_ROOT = Path(__file__).parents[2]
_DECODING = re.compile(r"msgspec\.convert\(")


def _modules() -> list[Path]:
    packages = (_ROOT / "shared" / "zaigang_shared", _ROOT / "collector" / "zaigang_collector")
    return [
        path
        for package in packages
        for path in sorted(package.rglob("*.py"))
        if path.name != "prime.py" and _DECODING.search(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("path", _modules(), ids=lambda path: path.stem)
def test_a_module_that_decodes_in_threads_primes_its_types(path: Path) -> None:
    assert re.search(r"^prime\(", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_priming_takes_what_msgspec_takes() -> None:
    prime(int, str | None, dict[str, int])


def test_threads_that_are_all_first_read_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ALL_FIRST],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(_ROOT / "shared")},
    )
    assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr


_ALL_FIRST = """
import threading
from zaigang_shared import readings
raw = {"k": "session", "t": 1, "span": 0, "event": "boot"}
found = []
start = threading.Barrier(4)
def work():
    start.wait()
    found.append(readings.decode_all([raw], 2))
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found))
"""
