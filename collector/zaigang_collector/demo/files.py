"""The spreadsheets and the script that the demo starts from; they stay in the data directory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from zaigang_collector.demo.staff import (
    SITE_GATEWAY,
    SITE_ID,
    SITE_LATITUDE,
    SITE_LONGITUDE,
    THIS_MACHINE,
    ZONE,
    Day,
    Member,
    node_script,
)

_SITE_NAME: Final = "陆家嘴客户办公室"
_NODE_BUS: Final = {
    "seed": 7,
    "sensors": [
        {
            "model": "sht4x",
            "address": 68,
            "serial": "0f012345",
            "temp_c": {"mean": 24.0, "amplitude": 0.8, "period_s": 14_400, "noise": 0.04},
            "rh_pct": {"mean": 48, "amplitude": 3, "period_s": 14_400, "noise": 0.3},
        }
    ],
}


def write_csv(folder: Path, name: str, rows: Sequence[Mapping[str, str]]) -> Path:
    """A spreadsheet as a person would save it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path = folder / f"{name}.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def write_directory(folder: Path, day: Day, members: Sequence[Member]) -> dict[str, Path]:
    """sites, people, networks and assignments, by name."""
    hours = _hours(day)
    people = [
        {
            "id": member.employee_id,
            "name": member.name,
            "department": "交付一部",
            "language": "zh",
            "time_zone": str(ZONE),
            "shift": f"Mon-Sun {hours}",
        }
        for member in members
    ]
    people.append(
        people[0] | {"id": THIS_MACHINE, "name": "本机用户", "shift": "Mon-Sun 00:00-24:00"}
    )
    networks = [{"site_id": SITE_ID, "employee_id": "", "gateway_mac": SITE_GATEWAY}]
    networks += [
        {"site_id": "", "employee_id": member.employee_id, "gateway_mac": member.home_gateway}
        for member in members
    ]
    first_day = datetime.fromtimestamp(day.began_ms / 1000, ZONE).date().isoformat()
    assignments = [
        {"employee_id": member.employee_id, "site_id": SITE_ID, "from_day": first_day}
        for member in members
    ]
    return {
        "sites": write_csv(folder, "sites", [_site()]),
        "people": write_csv(folder, "people", people),
        "networks": write_csv(folder, "networks", networks),
        "assignments": write_csv(folder, "assignments", assignments),
    }


def write_simulation(
    folder: Path,
    clock: Mapping[str, float],
    until_ms: int,
    url: str,
    tokens: Mapping[str, str],
    members: Sequence[Member],
) -> Path:
    """What `zaigang-agent simulate` runs: the staff's laptops and the site node.

    `tokens` by employee id, and "node".
    """
    bus = folder / "node-bus.json"
    bus.write_text(json.dumps(_NODE_BUS, indent=2), encoding="utf-8")
    devices: list[dict[str, Any]] = [
        {
            "state_dir": str(folder / "node"),
            "kind": "node",
            "name": "陆家嘴21层节点",
            "url": url,
            "token": tokens["node"],
            "script": node_script(),
            "settings": {"node": {"i2c_bus": f"simulated:{bus}", "sensors": ["sht4x"]}},
        }
    ]
    devices += [
        {
            "state_dir": str(folder / f"laptop-{member.employee_id}"),
            "name": f"laptop-{member.employee_id}",
            "url": url,
            "token": tokens[member.employee_id],
            "script": member.script,
        }
        for member in members
    ]
    path = folder / "simulation.json"
    # Tokens are in it: one-time, used up in a second, and still nobody else's business.
    path.touch(mode=0o600)
    spec = {"clock": dict(clock), "until_utc_ms": until_ms, "devices": devices}
    path.write_text(json.dumps(spec, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def _site() -> dict[str, str]:
    return {
        "id": SITE_ID,
        "name": _SITE_NAME,
        "kind": "client",
        "time_zone": str(ZONE),
        "latitude": f"{SITE_LATITUDE}",
        "longitude": f"{SITE_LONGITUDE}",
        "datum": "WGS-84",
        "radius_m": "150",
        "air_conditioned": "yes",
    }


def _hours(day: Day) -> str:
    start, end = day.shift()
    return f"{start // 60:02}:{start % 60:02}-{end // 60 % 24:02}:{end % 60:02}"
