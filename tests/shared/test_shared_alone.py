"""What an offline verifier needs imports with cbor2 and cryptography alone, on any system."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

import zaigang_shared
from tests.fakes.clock import FakeClock
from zaigang_shared.clock import CatchUpClock, Clock, SystemClock

PACKAGE: Final = Path(zaigang_shared.__file__).parent
LIGHT: Final = (
    *("errors", "cbor", "cose", "identifiers", "topics", "clock", "rid"),
    *("der", "cms", "certpath", "timestamp"),
    *("envelope", "receipt", "merkle", "note", "checkpoint", "ledger_entry"),
    *("bundle", "bundle_root", "bundle_readme", "bundle_report", "bundle_case", "bundle_chain"),
    *("bundle_ledger", "bundle_devices", "bundle_assessment", "bundle_check", "bundle_words"),
    "verify",
)
_PROBE: Final = """
import importlib, importlib.abc, sys, time

class OnlyTwo(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in ("zaigang_shared", "cbor2", "cryptography", "_cffi_backend", "cffi"):
            return None
        if root in sys.stdlib_module_names:
            return None
        raise ImportError(f"{name} is more than cbor2 and cryptography")

sys.meta_path.insert(0, OnlyTwo())
if "windows" in sys.argv:
    sys.platform = "win32"
    for name in ("clock_gettime", "clock_gettime_ns", "CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        vars(time).pop(name, None)
for module in sys.argv[1].split(","):
    importlib.import_module("zaigang_shared." + module)
from zaigang_shared.clock import SystemClock
assert SystemClock().boot_ms() > 0 and SystemClock().utc_ms() > 1_700_000_000_000
print("ok")
"""


def _probe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        env={"PYTHONPATH": str(PACKAGE.parent)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_verifying_half_needs_cbor2_and_cryptography_only() -> None:
    run = _probe(",".join(LIGHT))
    assert run.stdout == "ok\n", run.stderr


def test_readings_would_be_noticed() -> None:
    assert "more than cbor2 and cryptography" in _probe("readings").stderr


def test_the_clock_works_where_there_is_no_boot_clock() -> None:
    run = _probe("clock", "windows")
    assert run.stdout == "ok\n", run.stderr


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_sources_are_of_the_grammar_of_python_3(minor: int) -> None:
    for source in PACKAGE.glob("*.py"):
        ast.parse(source.read_text("utf-8"), feature_version=(3, minor))


def test_the_system_clock_counts_suspend_and_goes_forward() -> None:
    clock: Clock = SystemClock()
    before = clock.boot_ms()
    assert clock.boot_ms() >= before
    assert abs(before - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) < 60_000


def test_the_clock_that_catches_up_ends_at_the_real_time() -> None:
    now_ms = SystemClock().utc_ms()
    begin_ms = now_ms - 86_400_000
    slow = CatchUpClock(real_start_ms=now_ms, begin_ms=begin_ms, rate=1)
    assert begin_ms <= slow.utc_ms() < begin_ms + 600_000
    assert 0 <= slow.boot_ms() < 600_000
    done = CatchUpClock(real_start_ms=now_ms - 10, begin_ms=begin_ms, rate=1e12)
    assert now_ms <= done.utc_ms() <= now_ms + 600_000
    with pytest.raises(ValueError, match="begins in the past"):
        CatchUpClock(real_start_ms=0, begin_ms=1, rate=1)


def test_the_fake_clock_is_a_clock() -> None:
    clock = FakeClock()
    seen: Clock = clock
    clock.advance(5)
    assert seen.utc_ms() == FakeClock().utc + 5
    assert seen.boot_ms() == FakeClock().boot + 5
