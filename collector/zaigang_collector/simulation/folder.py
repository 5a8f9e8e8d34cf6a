"""`zaigang-collector simulate`: a company's files, the truth beside them, envelopes where wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zaigang_collector.simulation import tables
from zaigang_collector.simulation.batches import Sent
from zaigang_collector.simulation.emit import Options, Simulation
from zaigang_collector.simulation.sealed import Sealer, device_key
from zaigang_shared import cbor


@dataclass(frozen=True, slots=True)
class Written:
    """What is in the folder now."""

    intervals: int
    cheats: int
    envelopes: int


def write(
    folder: Path, seed: int, people: int, days: int, options: Options, envelopes: bool
) -> Written:
    """Write everything; files of the same names are replaced. Raises OSError.

    Envelopes: one file for each device, a CBOR sequence (RFC 8742) of [arrival in UTC ms or null,
    envelope bytes] in the order of sealing. They quote no receipts, since no collector gave any.
    """
    simulation = Simulation(seed, people, days, options)
    company = simulation.company
    folder.mkdir(parents=True, exist_ok=True)
    punches: list[tables.Row] = []
    truths: list[tables.Row] = []
    sent: dict[str, list[tuple[Sent, int]]] = {}
    for day in range(days):
        for person in company.people:
            told = simulation.told(person, day)
            punches += tables.clock_ins(told.script)
            truths.append(tables.truth(told))
            if envelopes:
                off_ms = told.script.faults.wall_off_ms
                sent.setdefault(person.laptop_id, []).extend((one, off_ms) for one in told.sent)
        for site in company.sites if envelopes else ():
            for node in site.nodes:
                said = simulation.site_day(site.site_id, day).sent_by(node.device_id)
                today = [(one, 0) for one in said if _fresh(sent, node.device_id, one)]
                sent.setdefault(node.device_id, []).extend(today)
    files: Mapping[str, Sequence[tables.Row]] = {
        "sites": tables.sites(company),
        "people": tables.people(company),
        "networks": tables.networks(company),
        "assignments": tables.assignments(company),
        "clock-ins": punches,
        "truth": truths,
    }
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text(tables.text_of(rows), encoding="utf-8")
    written = _seal(folder / "envelopes", seed, sent) if envelopes else 0
    cheating = sum(row["kind"] != "honest" for row in truths)
    return Written(len(truths), cheating, written)


def _fresh(sent: Mapping[str, list[tuple[Sent, int]]], device_id: str, one: Sent) -> bool:
    """A node's day reaches into the next, for those who work at night: each minute is told once."""
    before = sent.get(device_id)
    return not before or before[-1][0].batch.sealed_ms < one.batch.sealed_ms


def _seal(folder: Path, seed: int, sent: Mapping[str, list[tuple[Sent, int]]]) -> int:
    folder.mkdir(exist_ok=True)
    count = 0
    rows: list[tables.Row] = []
    for device_id, batches in sorted(sent.items()):
        key = device_key(seed, device_id)
        sealer = Sealer(device_id, key)
        with (folder / f"{device_id}.cbor").open("wb") as file:
            for one, off_ms in batches:
                file.write(cbor.dumps([one.arrived_ms, sealer.seal(one.batch, off_ms)]))
                count += 1
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        rows.append({"device_id": device_id, "public_key": public, "envelopes": str(len(batches))})
    if rows:
        (folder / "devices.csv").write_text(tables.text_of(rows), encoding="utf-8")
    return count
