"""The end of the demo: one verdict as a file, checked by a program that knows nothing of the collector."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from zaigang_collector.bootstrap import bundling
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.demo.answers import Interface
from zaigang_collector.evidence import recheck

_PURPOSE = "demo"


@dataclass(frozen=True, slots=True)
class Proved:
    """What came of it."""

    file: Path
    root: str
    exit_code: int
    """Of `zaigang-verify`: 0, everything holds."""
    said: str
    identical: bool
    """Judged again from the file alone it is the same, bit for bit."""

    @property
    def holds(self) -> bool:
        return self.exit_code == 0 and self.identical


def prove(collector: Opened, api: Interface, employee_id: str, folder: Path) -> Proved:
    """Export the evidence of a person's assessment over the interface, and have it verified."""
    (item,) = api.get("/api/v1/assessments", {"employee": employee_id})["items"]
    data = api.download(f"/api/v1/assessments/{item['id']}/bundle", _PURPOSE)
    file = folder / f"evidence-{employee_id}.zip"
    file.write_bytes(data)
    root = bundling.root_fingerprint(collector)
    done = subprocess.run(  # noqa: S603  # our own program, as an outsider would run it
        [sys.executable, "-m", "zaigang_shared.verify", str(file), "--root", root, "--lang", "en"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=False,
    )
    return Proved(file, root, done.returncode, done.stdout, recheck.recheck(data).holds)


def tell(proved: Proved, name: str, out: TextIO) -> None:
    """In a few lines; the whole answer is one command away."""
    size_kib = proved.file.stat().st_size / 1024
    out.write(f"\nEvidence of {name}'s verdict as one file, verified offline 证据包已离线验证:\n")
    out.write(f"  bundle 证据包              {proved.file} ({size_kib:.0f} KiB)\n")
    out.write(f"  root fingerprint 根指纹    {proved.root}\n")
    verified = (
        "holds 成立" if proved.exit_code == 0 else f"DOES NOT HOLD 不成立 ({proved.exit_code})"
    )
    out.write(f"  zaigang-verify             {verified}\n")
    again = "identical, bit for bit 逐位一致" if proved.identical else "DIFFERENT 不一致"
    out.write(f"  judged again 重新核验      {again}\n")
    if not proved.holds:
        out.write(proved.said)
    out.flush()
