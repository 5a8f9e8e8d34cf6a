"""The demo as somebody runs it: one process, real agents, real MQTT, real signatures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_gives_the_right_verdicts_and_ends_by_itself(tmp_path: Path) -> None:
    path = os.pathsep.join(str(ROOT / name) for name in ("shared", "agent", "collector"))
    done = subprocess.run(
        [sys.executable, "-m", "zaigang_collector", "demo", "--exit", "--data", tmp_path / "data"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    for name, verdict in (
        ("王晓梅", "已确认"),
        ("李建国", "与读数相矛盾"),
        ("赵敏", "与读数相矛盾"),
        ("陈涛", "无法核实"),
    ):
        (line,) = [row for row in said.splitlines() if row.startswith(name)]
        assert verdict in line
    assert "All four verdicts are what the truth calls for." in said
    assert "zaigang-verify             holds" in said
    assert "identical, bit for bit" in said
    assert (tmp_path / "data" / "demo" / "evidence-E002.zip").stat().st_size > 10_000
    assert "This machine is real (lap-" in said
    assert "Nobody clocked in from it" in said
    token = tmp_path / "data" / "demo" / "api-token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert str(token) in said
    # Nothing is printed into a pipe that only a terminal understands.
    assert "\033" not in said
    assert "\r" not in said
    # One-time tokens are used up, the simulated devices' keys stayed on their side.
    spec = json.loads((tmp_path / "data" / "demo" / "simulation.json").read_text("utf-8"))
    assert len(spec["devices"]) == 5
    assert done.stderr == ""
