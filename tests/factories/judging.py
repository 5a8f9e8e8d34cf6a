"""Laptops and nodes that seal and deliver as real ones do, and the clock-ins beside them.

Times are UTC ms; a device's boot begins at the epoch unless said otherwise, so that `up` is UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.audited import assert_clean
from tests.factories.devices import TestDevice, ed25519_key, stored_laptop, stored_node
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment import service, store
from zaigang_collector.assessment.learnt import STAYS
from zaigang_collector.assessment.model import Outcome, StoredAssessment
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, NewClockIn, Point
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Learnt, NetworkKind
from zaigang_collector.directory.model import Network as KnownNetwork
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.verify import Arrived
from zaigang_shared import envelope, rid, topics
from zaigang_shared.envelope import Seal
from zaigang_shared.readings import Beacon, Network, Reading, Scan, Usage, encode

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SITE_NET = bytes(7) + b"\1"  # as `api_world` registers it
HOME_NET = b"at home!"
START = 1_790_038_800_000  # 2026-09-22 09:00 in Shanghai; the laptop was enrolled before


@dataclass
class Talker:
    """Seals envelopes as an agent does and hands them to ingest as the broker does."""

    world: ApiWorld
    intake: Intake
    device: TestDevice
    seq: int = 0
    rcpt: bytes | None = None
    prev: bytes = envelope.FIRST_PREV
    boot: bytes = bytes(16)
    booted_ms: int = 0
    kept: list[bytes] = field(default_factory=list)
    """Sealed and not delivered: the spool."""

    def restart(self, at_ms: int) -> None:
        """A new boot; chain, receipt and spool stay."""
        self.boot = hashlib.sha256(self.boot + at_ms.to_bytes(8, "big")).digest()[:16]
        self.booted_ms = at_ms

    def seal(self, at_ms: int, readings: Sequence[Reading], wall_ms: int | None = None) -> bytes:
        """The next envelope."""
        self.seq += 1
        seal = Seal(
            self.device.id,
            self.seq,
            self.prev,
            self.boot,
            at_ms - self.booted_ms,
            at_ms if wall_ms is None else wall_ms,
            sync=True,
            rcpt=self.rcpt,
        )
        data = envelope.seal(self.device.key, seal, [encode(one) for one in readings])
        self.prev = envelope.digest(data)
        return data

    def arrive(self, data: bytes | Sequence[bytes], at_ms: int) -> int:
        """Deliver; returns how many were new."""
        batch = [data] if isinstance(data, bytes) else data
        now_ms, self.world.clock.utc = self.world.clock.utc, at_ms
        taken = self.intake.take([Arrived(topics.up(self.device.id), one, at_ms) for one in batch])
        for receipt in taken.receipts.values():
            self.rcpt = envelope.digest(receipt)
        self.world.clock.utc = max(now_ms, at_ms)
        return taken.accepted

    def deliver_spool(self, at_ms: int) -> None:
        self.arrive(self.kept, at_ms)
        self.kept = []

    def works(
        self,
        from_ms: int,
        to_ms: int,
        net: bytes | None,
        *,
        active: int = 3,
        session: str = "local",
        vpn: bool = False,
        wall_off_ms: int = 0,
        spool: bool = False,
        heard: Sequence[tuple[TestDevice, int]] = (),
        scans: bool = False,
    ) -> None:
        """A minute at a time, delivered at once or spooled. `heard`: nodes whose identifier is
        heard, and how old it is (ms)."""
        for at_ms in range(from_ms, to_ms, MINUTE_MS):
            end_ms = at_ms + MINUTE_MS
            up_ms = end_ms - self.booted_ms
            said: list[Reading] = [
                Usage(
                    t_ms=up_ms,
                    span_ms=MINUTE_MS,
                    active=active,
                    regular=False,
                    session=session,  # type: ignore[arg-type]  # tests write what they like
                    locked=active == 0,
                ),
                Network(t_ms=up_ms, span_ms=0, link="wifi", vpn=vpn, net=net, vantage=None),
            ]
            if scans:
                said.append(
                    Scan(
                        t_ms=up_ms,
                        span_ms=MINUTE_MS,
                        adverts=90,
                        devices=8,
                        healthy=True,
                        restarts=0,
                    )
                )
            said += [self._hears(node, end_ms, late_ms) for node, late_ms in heard]
            data = self.seal(end_ms, said, end_ms + wall_off_ms)
            if spool:
                self.kept.append(data)
            else:
                self.arrive(data, end_ms + 300)

    def _hears(self, node: TestDevice, end_ms: int, late_ms: int) -> Beacon:
        assert node.device.rid_key is not None
        up_ms = end_ms - self.booted_ms
        slot = rid.slot_at(end_ms - 20_000)
        first_t = slot * rid.SLOT_MS + 2_000 - self.booted_ms
        return Beacon(
            t_ms=up_ms,
            span_ms=MINUTE_MS,
            scheme="rid",
            id=rid.rid(node.device.rid_key, rid.slot_at(end_ms - 20_000 - late_ms)),
            n=5,
            rssi_max=-60,
            rssi_med=-66,
            first_t=first_t,
            last_t=first_t + 1_000,
        )


@dataclass
class Office:
    """A world with an intake; devices speak through it."""

    world: ApiWorld
    intake: Intake
    altered: bool = False
    """The test has changed the database behind our back: it is not audited at the end."""

    def laptop(self, name: str = "desk-7", employee_id: str = "E001") -> Talker:
        with db.writing(self.world.engine) as conn:
            return Talker(
                self.world, self.intake, stored_laptop(conn, name, employee_id=employee_id)
            )

    def node(self, name: str = "door-1", site_id: str = "hq") -> Talker:
        with db.writing(self.world.engine) as conn:
            return Talker(self.world, self.intake, stored_node(conn, name, site_id=site_id))

    def home(
        self, net: bytes = HOME_NET, employee_id: str = "E001", *, settled: bool = True
    ) -> None:
        """`settled`: past days showed that it stays at home, and somebody accepted that."""
        with db.writing(self.world.engine) as conn:
            directory.add_home_place(
                conn,
                VAULT,
                employee_id,
                KnownNetwork(NetworkKind.GATEWAY, hash=net),
                self.world.clock.utc,
                self.world.randomness,
            )
            if settled:
                learnt = Learnt(employee_id, "hq", f"{STAYS}{net.hex()}", 1.0, None, 5, START)
                now_ms = self.world.clock.utc
                directory.put_learnt(conn, VAULT, learnt, "HR", now_ms, self.world.randomness)

    def punch(
        self,
        direction: Direction,
        at_ms: int,
        source_id: str | None = None,
        site_id: str = "hq",
        employee_id: str = "E001",
        point: Point | None = None,
    ) -> None:
        new = NewClockIn(
            source="test",
            source_id=source_id or direction.value,
            employee_id=employee_id,
            site_id=site_id,
            direction=direction,
            punched_ms=at_ms,
            received_ms=None,
            point=point,
        )
        with db.writing(self.world.engine) as conn:
            attendance.record(conn, VAULT, new, self.world.clock.utc, self.world.randomness)

    def a_day(self, hours: int = 4, site_id: str = "hq") -> None:
        """Punches of a claim from START on; it is two hours after its end."""
        self.punch(Direction.IN, START, site_id=site_id)
        self.punch(Direction.OUT, START + hours * HOUR_MS, site_id=site_id)
        self.at(START + (hours + 2) * HOUR_MS)

    def punch_day(self, employee_id: str) -> None:
        """The same claim by somebody else."""
        for direction, hours in ((Direction.IN, 0), (Direction.OUT, 4)):
            name = f"{direction.value}-{employee_id}"
            self.punch(direction, START + hours * HOUR_MS, name, employee_id=employee_id)

    def at(self, at_ms: int) -> None:
        self.world.clock.utc = max(self.world.clock.utc, at_ms)

    def judge(self) -> list[Outcome]:
        span = START - 24 * HOUR_MS, START + 24 * HOUR_MS
        judged = service.judge_span(
            self.world.engine, self.world.judge, *span, self.world.clock.utc
        )
        return [one.outcome for one in judged]

    def newest(self) -> list[StoredAssessment]:
        with db.reading(self.world.engine) as conn:
            return list(store.list_page(conn, VAULT, store.Filter(), None, 100))

    def verdict(self) -> str:
        self.judge()
        (stored,) = self.newest()
        return stored.presence.value


@contextmanager
def office(folder: Path, url: str = "") -> Iterator[Office]:
    """A site `hq`, people E001 and E002, nobody with a device. What was written is audited at the end."""
    with api_world(folder, url) as world:
        intake = Intake(world.engine, VAULT, ed25519_key("receipt"), world.clock, world.randomness)
        made = Office(world, intake)
        try:
            yield made
            if not made.altered:
                assert_clean(world.engine)
        finally:
            intake.close()
