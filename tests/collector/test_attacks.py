"""What somebody with full write access to the database can do, and that the audit names the record.

They have no key: not the ledger's, not the collector's, not a device's. What cannot be seen in the
database alone (its end cut off, an older copy put back, another history for one viewer) is seen
beside anything that was shown outside: a checkpoint, or a device's receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from tests.factories import audited
from tests.factories.audited import assert_clean, sequenced
from tests.factories.devices import an_authority, ed25519_key
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, Talker, office
from tests.factories.ledger import SIGNER
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment.tables import ASSESSMENT, POLICY
from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.audit.service import Shown
from zaigang_collector.devices import ca
from zaigang_collector.devices.tables import CERTIFICATE, DEVICE, HOLDING
from zaigang_collector.devices.tables import EVENT as DEVICE_EVENT
from zaigang_collector.directory.tables import (
    ASSIGNMENT,
    EMPLOYEE,
    PERSON_PLACE,
    SITE,
    SITE_NETWORK,
)
from zaigang_collector.directory.tables import EVENT as DIRECTORY_EVENT
from zaigang_collector.ingest.sealing import envelope_context
from zaigang_collector.ingest.tables import BOOT, CHAIN, ENVELOPE, RECEIPT
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.service import EntryType
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, HEAD, TILE
from zaigang_collector.vault.access_log import Looker
from zaigang_collector.vault.access_log import record as record_look
from zaigang_collector.vault.model import TombstoneKind, person
from zaigang_collector.vault.record import bury, hold
from zaigang_collector.vault.tables import HOLD, KEY, LOOK, TOMBSTONE
from zaigang_shared import envelope
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.merkle import Frontier
from zaigang_shared.receipt import LogHead, Receipt, sign_receipt


class Crime:
    """A day of two people that was audited and found whole, and what is then done to it."""

    def __init__(self, house: Office) -> None:
        self.house = house
        self.engine = house.world.engine
        self.mine, self.yours = house.laptop("desk-7"), house.laptop("desk-8", "E002")
        for minute in range(30):  # in turns: nobody's clock goes back
            for talker in (self.mine, self.yours):
                start = START + minute * MINUTE_MS
                talker.works(start, start + MINUTE_MS, SITE_NET)
        house.a_day()
        house.punch(Direction.IN, START, "in-2", employee_id="E002")
        house.judge()
        assert_clean(self.engine)
        house.altered = True

    def found(self, *shown: Shown) -> list[str]:
        return [str(one) for one in audited.audited(self.engine, shown).findings]

    def does(self, *statements: sa.Executable) -> None:
        with db.writing(self.engine) as conn:
            for one in statements:
                conn.execute(one)

    def shown(self) -> Shown:
        """What a viewer outside was shown before."""
        with db.reading(self.engine) as conn:
            newest = ledger.newest_checkpoint(conn)
        assert newest is not None
        return Shown("the auditor's checkpoint", newest.size, newest.root)


@pytest.fixture
def crime(tmp_path: Path) -> Iterator[Crime]:
    with office(tmp_path) as house:
        yield Crime(house)


def of(talker: Talker, seq: int) -> sa.ColumnElement[bool]:
    return (ENVELOPE.c.device_id == talker.device.id) & (ENVELOPE.c.seq == seq)


def edited(crime: Crime, seq: int) -> bytes:
    """An envelope of `mine` with one reading changed, in the clear: by whoever has the master key too."""
    with db.reading(crime.engine) as conn:
        row = conn.execute(sa.select(ENVELOPE).where(of(crime.mine, seq))).one()
        data = VAULT.open(conn, row.data, envelope_context(row.digest))
    at = data.index(b"active") + 6
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def put(crime: Crime, seq: int, data: bytes, *, with_digest: bool) -> None:
    with db.writing(crime.engine) as conn:
        row = conn.execute(sa.select(ENVELOPE).where(of(crime.mine, seq))).one()
        digest = hashlib.sha256(data).digest() if with_digest else row.digest
        sealed = VAULT.seal(conn, person("E001"), data, envelope_context(digest), START)
        conn.execute(
            sa.update(ENVELOPE).where(of(crime.mine, seq)).values(data=sealed, digest=digest)
        )


def test_one_reading_edited(crime: Crime) -> None:
    name = f"envelope {crime.mine.device.id}/5"
    put(crime, 5, edited(crime, 5), with_digest=False)
    assert any(one.startswith(f"{name}: was changed") for one in crime.found())
    # Nor with the hash beside it put right.
    put(crime, 6, edited(crime, 6), with_digest=True)
    name = f"envelope {crime.mine.device.id}/6"
    assert any(one.startswith(f"{name}: is not what its device signed") for one in crime.found())


def test_one_reading_edited_without_the_master_key(crime: Crime) -> None:
    with db.writing(crime.engine) as conn:
        data = conn.execute(sa.select(ENVELOPE.c.data).where(of(crime.mine, 5))).scalar_one()
        spoilt = data[:-1] + bytes([data[-1] ^ 1])
        conn.execute(sa.update(ENVELOPE).where(of(crime.mine, 5)).values(data=spoilt))
    name = f"envelope {crime.mine.device.id}/5"
    assert f"{name}: does not open: it was changed, or moved here from elsewhere" in crime.found()


@pytest.mark.parametrize("seq", [1, 7, 30])
def test_one_envelope_deleted(crime: Crime, seq: int) -> None:
    crime.does(sa.delete(ENVELOPE).where(of(crime.mine, seq)))
    assert any(
        one.startswith(f"envelope {crime.mine.device.id}/{seq}: was deleted")
        for one in crime.found()
    )


def test_one_envelope_deleted_with_its_entry(crime: Crime) -> None:
    name = f"{crime.mine.device.id}/7"
    with db.reading(crime.engine) as conn:
        index = conn.execute(sa.select(ENTRY.c.idx).where(ENTRY.c.ref == name)).scalar_one()
    crime.does(
        sa.delete(ENVELOPE).where(of(crime.mine, 7)), sa.delete(ENTRY).where(ENTRY.c.ref == name)
    )
    found = crime.found()
    assert (
        f"ledger entry {index}: is missing: the next one there is number {index + 1} (deleted, or moved)"
        in found
    )
    assert any(
        f"envelope {crime.mine.device.id}/7: is not the one that a receipt" in one for one in found
    )


def test_two_entries_reordered(crime: Crime) -> None:
    with db.reading(crime.engine) as conn:
        first, second = conn.scalars(
            sa.select(ENTRY.c.queue_id)
            .where(ENTRY.c.type == "envelope")
            .order_by(ENTRY.c.idx)
            .limit(2)
        )
        a, b = (
            conn.execute(sa.select(ENTRY.c.idx).where(ENTRY.c.queue_id == one)).scalar_one()
            for one in (first, second)
        )
    place = sa.update(ENTRY)
    crime.does(
        place.where(ENTRY.c.queue_id == first).values(idx=-1),
        place.where(ENTRY.c.queue_id == second).values(idx=a),
        place.where(ENTRY.c.queue_id == first).values(idx=b),
    )
    assert any("was changed, moved or put in" in one for one in crime.found())


def test_two_envelopes_reordered(crime: Crime) -> None:
    seq = sa.update(ENVELOPE)
    crime.does(
        seq.where(of(crime.mine, 3)).values(seq=1003),
        seq.where(of(crime.mine, 4)).values(seq=3),
        seq.where(of(crime.mine, 1003)).values(seq=4),
    )
    found = crime.found()
    for number in (3, 4):
        assert any(
            one.startswith(f"envelope {crime.mine.device.id}/{number}: says seq") for one in found
        )


def test_the_envelopes_of_two_people_swapped(crime: Crime) -> None:
    mine, yours = crime.mine.device.id, crime.yours.device.id
    with db.writing(crime.engine) as conn:
        rows = {
            name: conn.execute(sa.select(ENVELOPE).where(ENVELOPE.c.device_id == name)).all()
            for name in (mine, yours)
        }
        conn.execute(sa.delete(ENVELOPE))
        for name, other in ((mine, yours), (yours, mine)):
            moved = [{**row._mapping, "device_id": other} for row in rows[name]]
            conn.execute(sa.insert(ENVELOPE), moved)
    found = crime.found()
    for name in (mine, yours):
        assert any(one.startswith(f"envelope {name}/1: is not what its device") for one in found)


def test_the_laptops_of_two_people_swapped(crime: Crime) -> None:
    whose = sa.update(HOLDING)
    crime.does(
        whose.where(HOLDING.c.device_id == crime.mine.device.id).values(employee_id="E002"),
        whose.where(HOLDING.c.device_id == crime.yours.device.id).values(employee_id="E001"),
    )
    found = crime.found()
    for talker, told, true in ((crime.mine, "E002", "E001"), (crime.yours, "E001", "E002")):
        assert (
            f"holdings of {talker.device.id}: name {told}, its events name {true}, or other times"
            in found
        )


def cut(conn: Connection, size: int) -> None:
    """The tree as it would have been with so many entries, without the key: signed it was then."""
    conn.execute(sa.delete(ENTRY).where(ENTRY.c.idx >= size))
    conn.execute(sa.delete(TILE))
    conn.execute(sa.delete(CHECKPOINT).where(CHECKPOINT.c.size > size))
    edge = Frontier()
    for one in ledger.sequenced(conn, 0, 10_000):
        edge.append(one.leaf)
    conn.execute(sa.update(HEAD).values(size=size, edge=b"".join(edge.stack)))


def test_the_end_cut_off(crime: Crime) -> None:
    shown = crime.shown()
    crime.does(sa.delete(ENTRY).where(ENTRY.c.idx >= shown.size - 2))
    assert any(
        f"signed for {shown.size} entries, of which {shown.size - 2} are left" in one
        for one in crime.found()
    )


def test_the_end_cut_off_with_all_that_would_tell_of_it_inside(crime: Crime) -> None:
    shown = crime.shown()
    crime.mine.works(START + HOUR_MS, START + HOUR_MS + 3 * MINUTE_MS, SITE_NET)
    sequenced(crime.engine)
    later = crime.shown()
    with db.writing(crime.engine) as conn:
        cut(conn, shown.size)
        conn.execute(
            sa.insert(CHECKPOINT)
            .prefix_with("OR IGNORE")
            .values(
                size=shown.size,
                root=shown.root,
                at_ms=0,
                note=str(Checkpoint(SIGNER.origin, shown.size, shown.root).sign(SIGNER.key)),
                pinned=False,
            )
        )
        for seq in (31, 32, 33):
            conn.execute(sa.delete(ENVELOPE).where(of(crime.mine, seq)))
        conn.execute(sa.delete(RECEIPT).where(RECEIPT.c.through > 30))
        conn.execute(
            sa.update(CHAIN)
            .where(CHAIN.c.device_id == crime.mine.device.id)
            .values(through=30, max_seq=30, stored=30,
                    head=sa.select(ENVELOPE.c.digest).where(of(crime.mine, 30)).scalar_subquery())
        )  # fmt: skip
        conn.execute(sa.delete(BOOT).where(BOOT.c.first_seq > 30))
    assert crime.found() == []  # as good as it can be made
    (told,) = crime.found(later)
    assert told.startswith("the auditor's checkpoint: was made when the ledger had")
    assert crime.found(shown) == []


def test_an_older_copy_put_back(crime: Crime, tmp_path: Path) -> None:
    copy = tmp_path / "older.db"
    with closing(crime.engine.raw_connection()) as raw:
        raw.execute(f"VACUUM INTO '{copy}'")
    crime.mine.works(START + HOUR_MS, START + HOUR_MS + MINUTE_MS, SITE_NET)
    sequenced(crime.engine)
    later = crime.shown()
    older = db.open_engine(f"sqlite:///{copy}")
    report = audited.audited(older, [later])
    older.dispose()
    assert ["an older copy was put back" in str(one) for one in report.findings] == [True]


def test_another_history_for_one_viewer(crime: Crime) -> None:
    size = crime.shown().size
    other = Shown("the receipt of lap-1", size, hashlib.sha256(b"another history").digest())
    (told,) = crime.found(other)
    assert "its holder was shown another history" in told


@pytest.mark.parametrize("signed_by", [ed25519_key("somebody"), SIGNER.key])
def test_a_checkpoint_forged(crime: Crime, signed_by: Ed25519PrivateKey) -> None:
    """Also by an operator who has the ledger's key: what the entries give is another root."""
    size = crime.shown().size
    forged = Checkpoint(SIGNER.origin, size, bytes(32)).sign(signed_by)
    crime.does(
        sa.update(CHECKPOINT)
        .where(CHECKPOINT.c.size == size)
        .values(note=str(forged), root=bytes(32))
    )
    assert any(one.startswith(f"checkpoint {size}: ") for one in crime.found())


def test_a_clock_in_dated_back(crime: Crime) -> None:
    with db.reading(crime.engine) as conn:
        row = conn.execute(sa.select(CLOCK_IN).limit(1)).one()
    name = f"clock_in {row.id}@{row.version}"
    crime.does(
        sa.update(CLOCK_IN)
        .where(CLOCK_IN.c.id == row.id)
        .values(punched_ms=row.punched_ms - HOUR_MS)
    )
    assert any(one.startswith(f"{name}: was changed") for one in crime.found())


def test_a_clock_in_said_to_have_come_earlier(crime: Crime) -> None:
    with db.reading(crime.engine) as conn:
        row = conn.execute(sa.select(CLOCK_IN).limit(1)).one()
    name = f"clock_in {row.id}@{row.version}"
    earlier = row.stored_ms - HOUR_MS
    crime.does(sa.update(CLOCK_IN).where(CLOCK_IN.c.id == row.id).values(stored_ms=earlier))
    assert any(one.startswith(f"{name}: is dated {earlier}") for one in crime.found())
    crime.does(sa.update(ENTRY).where(ENTRY.c.ref == name.split()[1]).values(at_ms=earlier))
    assert any("was changed, moved or put in" in one for one in crime.found())


def test_a_clock_in_put_in_later_under_an_earlier_date(crime: Crime) -> None:
    crime.house.punch(Direction.IN, START, "late", employee_id="E001")
    with db.reading(crime.engine) as conn:
        row = conn.execute(sa.select(ENTRY).where(ENTRY.c.idx.is_(None))).one()
    crime.does(
        sa.update(ENTRY).where(ENTRY.c.ref == row.ref).values(at_ms=START),
        sa.update(CLOCK_IN).where(CLOCK_IN.c.source_id == "late").values(stored_ms=START),
    )
    sequenced(crime.engine)
    assert any(f"(clock_in {row.ref}): is dated" in one for one in crime.found())


def test_a_clock_in_put_in_behind_the_ledgers_back(crime: Crime) -> None:
    crime.house.punch(Direction.IN, START, "secret")
    crime.does(sa.delete(ENTRY).where(ENTRY.c.idx.is_(None)))
    assert any("is in no ledger entry" in one for one in crime.found())


def test_a_devices_key_replaced(crime: Crime) -> None:
    thief = ed25519_key("thief").public_key().public_bytes_raw()
    device = crime.mine.device.id
    crime.does(sa.update(DEVICE).where(DEVICE.c.id == device).values(public_key=thief))
    assert f"device {device}: has another key than it enrolled with" in crime.found()


def test_a_devices_beacon_key_replaced(crime: Crime) -> None:
    """Whoever is near it hears nobody then, and its silence speaks against them."""
    device = crime.mine.device.id
    crime.does(sa.update(DEVICE).where(DEVICE.c.id == device).values(rid_key=bytes(32)))
    assert f"device {device}: has another beacon key than its events say" in crime.found()


@pytest.mark.parametrize("table", [CLOCK_IN, ASSESSMENT])
def test_something_made_to_vanish_from_lists(crime: Crime, table: sa.Table) -> None:
    crime.does(sa.update(table).values(newest=False))
    assert all("another than the last is shown" in one for one in crime.found())
    assert crime.found()


def test_a_laptop_shown_as_somebody_elses(crime: Crime) -> None:
    device = crime.mine.device.id
    crime.does(sa.update(DEVICE).where(DEVICE.c.id == device).values(employee_id="E002"))
    assert f"device {device}: belongs to E002, its events say E001" in crime.found()


def test_a_device_said_to_have_been_lost_before_it_told_something(crime: Crime) -> None:
    device = crime.mine.device.id
    crime.does(sa.update(DEVICE).where(DEVICE.c.id == device).values(revoked_ms=START))
    assert f"device {device}: is not trusted from {START} (UTC ms), its events say None" in (
        crime.found()
    )


@pytest.mark.parametrize("authority", ["zaigang CA", "somebody's"])
def test_a_devices_certificate_replaced(crime: Crime, authority: str) -> None:
    """Also by one that our authority has signed for another key: it is in no event."""
    device = crime.mine.device.id
    thief = ed25519_key("thief").public_key().public_bytes_raw()
    made = ca.issue_device(an_authority(authority), device, thief, START, 30)
    der = made.public_bytes(Encoding.DER)
    fingerprint = hashlib.sha256(der).digest()
    crime.does(
        sa.update(CERTIFICATE)
        .where(CERTIFICATE.c.device_id == device)
        .values(der=der, fingerprint=fingerprint)
    )
    record = f"certificate {fingerprint.hex()[:16]} of {device}: "
    why = {"zaigang CA": "is for another key", "somebody's": "was not issued by this collector"}
    assert any(one.startswith(record + why[authority]) for one in crime.found())


def test_a_receipt_replayed_for_another_device(crime: Crime) -> None:
    mine, yours = crime.mine.device.id, crime.yours.device.id
    with db.writing(crime.engine) as conn:
        row = conn.execute(sa.select(RECEIPT).where(RECEIPT.c.device_id == mine).limit(1)).one()
        conn.execute(
            sa.update(RECEIPT).where(RECEIPT.c.digest == row.digest).values(device_id=yours)
        )
    assert any(
        f"of {yours} through {row.through}: was given to {mine}" in one for one in crime.found()
    )


def test_a_receipt_deleted(crime: Crime) -> None:
    mine = crime.mine.device.id
    with db.writing(crime.engine) as conn:
        where = (RECEIPT.c.device_id == mine) & (RECEIPT.c.through == 7)
        digest = conn.execute(sa.select(RECEIPT.c.digest).where(where)).scalar_one()
        conn.execute(sa.delete(RECEIPT).where(where))
    assert (
        f"receipt {digest.hex()[:16]} of {mine}: was deleted: envelope 8 quotes it, and it was "
        "known when that came"
    ) in crime.found()


def test_a_receipt_forged(crime: Crime) -> None:
    word = Receipt(crime.mine.device.id, 1, bytes(32), START, LogHead(1, bytes(32)))
    data = sign_receipt(ed25519_key("somebody"), word)
    digest = envelope.digest(data)
    crime.does(
        sa.insert(RECEIPT).values(
            digest=digest,
            device_id=word.device_id,
            through=1,
            head=word.head,
            at_ms=START,
            data=data,
        )
    )
    assert any(
        one.startswith(f"receipt {digest.hex()[:16]}") and "not signed by this collector" in one
        for one in crime.found()
    )


@pytest.mark.parametrize("table", [ASSESSMENT, POLICY, DEVICE_EVENT, DIRECTORY_EVENT])
def test_any_other_body_changed(crime: Crime, table: sa.Table) -> None:
    with db.writing(crime.engine) as conn:
        row = conn.execute(sa.select(table).limit(1)).one()
        key = next(iter(table.primary_key))
        conn.execute(
            sa.update(table)
            .where(key == row[0])
            .values(body=row.body[:-1] + bytes([row.body[-1] ^ 1]))
        )
    assert any("was changed" in one for one in crime.found())


def test_a_tombstone_changed(crime: Crime) -> None:
    with db.writing(crime.engine) as conn:
        bury(conn, TombstoneKind.RETENTION, None, "HR", "90 days", {}, START + 9 * HOUR_MS, bytes)
    assert_clean(crime.engine)
    crime.does(sa.update(TOMBSTONE).values(body=b"nothing was ever forgotten"))
    assert any(one.startswith("erasure 1: was changed") for one in crime.found())


def test_somebody_forgotten_without_a_tombstone(crime: Crime) -> None:
    """A key destroyed behind our back: nothing opens, and what was there is missed."""
    crime.does(
        sa.update(KEY).where(KEY.c.subject_id == "E001").values(wrapped=None, destroyed_ms=START),
        sa.delete(CLOCK_IN).where(CLOCK_IN.c.employee_id == "E001"),
    )
    assert any(one.startswith("clock_in ") and "was deleted" in one for one in crime.found())


@pytest.mark.parametrize(
    ("table", "entry_type", "what"),
    [(CLOCK_IN, "clock_in", "clock_ins"), (ASSESSMENT, "assessment", "assessments")],
)
def test_something_deleted_as_if_it_had_been_forgotten(
    crime: Crime, table: sa.Table, entry_type: str, what: str
) -> None:
    with db.writing(crime.engine) as conn:
        row = conn.execute(sa.select(table).limit(1)).one()
        reference = f"{row.id}@{row.version}"
        conn.execute(sa.delete(table).where(table.c.id == row.id))
        assert ledger.blind(conn, EntryType(entry_type), [reference]) == 1
    assert crime.found() == [
        f"{what} of the ledger: 1 are without a body, and tombstones tell of 0: deleted off the record"
    ]


def test_readings_deleted_as_if_their_time_were_over(crime: Crime) -> None:
    crime.does(sa.update(ENVELOPE).where(of(crime.mine, 5)).values(data=None))
    assert crime.found() == [
        "envelopes without content: are 1, and tombstones tell of 0: deleted off the record"
    ]


def test_a_legal_hold_lifted_off_the_record(crime: Crime) -> None:
    with db.writing(crime.engine) as conn:
        hold(conn, "E001", "lawsuit 17", "Zhang", START + 9 * HOUR_MS, bytes)
    assert_clean(crime.engine)
    crime.does(sa.delete(HOLD))
    assert crime.found() == ["legal hold of E001: was lifted off the record"]


def test_a_look_moved_to_somebody_else(crime: Crime) -> None:
    with db.writing(crime.engine) as conn:
        looker = Looker("HR", "case 17")
        record_look(conn, VAULT, looker, "all of it", ["E001"], START + 9 * HOUR_MS, bytes)
    assert_clean(crime.engine)
    crime.does(sa.update(LOOK).values(employee_id="E002"))
    assert crime.found() == ["access 1: is about somebody else than its row says"]


def test_a_device_event_that_was_blinded(crime: Crime) -> None:
    with db.writing(crime.engine) as conn:
        assert ledger.blind(conn, EntryType.DEVICE_EVENT, ["1"]) == 1
    assert any("are never forgotten" in one for one in crime.found())


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            sa.update(SITE).values(radius_m=20_000.0),
            "site hq: has another radius_m than its events say",
        ),
        (sa.delete(SITE_NETWORK), "site hq: has other networks than its events say"),
        (
            sa.insert(PERSON_PLACE).values(employee_id="E001", kind="gateway", value="00" * 8),
            "person E001: has other homes than their events say",
        ),
        (
            sa.update(EMPLOYEE).where(EMPLOYEE.c.id == "E001").values(name="somebody"),
            "person E001: has another name than its events say",
        ),
        (
            sa.insert(ASSIGNMENT).values(employee_id="E001", site_id="hq", from_day="2026-01-01"),
            "assignment of E001 to hq from 2026-01-01: is not what their events say",
        ),
    ],
)
def test_the_directory_changed_behind_its_events(
    crime: Crime, statement: sa.Executable, told: str
) -> None:
    crime.does(statement)
    assert crime.found() == [told]


def test_a_verdict_changed_beside_its_body(crime: Crime) -> None:
    crime.does(sa.update(ASSESSMENT).values(presence="contradicted"))
    assert any("says presence = " in one for one in crime.found())


@pytest.mark.parametrize("table", [TILE, HEAD, CHAIN, BOOT])
def test_what_is_derived_deleted(crime: Crime, table: sa.Table) -> None:
    if table is TILE:  # the day is too short for a full tile
        for number in range(5):
            start = START + (7 + number) * HOUR_MS
            crime.mine.works(start, start + HOUR_MS, SITE_NET)
        assert_clean(crime.engine)
    crime.does(sa.delete(table))
    assert crime.found()


def test_a_blinded_entry_cannot_hide_a_change(crime: Crime) -> None:
    """To forget is to keep the leaf: another leaf gives another root."""
    crime.does(
        sa.update(ENTRY).where(ENTRY.c.idx == 3).values(body_hash=None, salt=None, leaf=bytes(32))
    )
    assert any("was changed, moved or put in" in one for one in crime.found())
