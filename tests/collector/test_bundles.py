"""A bundle out of a real store verifies, is judged again bit for bit, and what was done to it is named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.factories.bundles import entries_of, files_of, with_entries
from tests.factories.bundling import COLLECTOR, ROOT, exported
from tests.factories.devices import ed25519_key
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, Talker, office
from tests.factories.vault import VAULT
from tests.fakes.tsa import LocalAuthority
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.attendance.model import Direction, Point
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.evidence import export, recheck
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.ingest.tables import ENVELOPE
from zaigang_collector.ledger import anchors
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.outside import Anchored, AnchorKind
from zaigang_collector.ledger.tables import ENTRY
from zaigang_shared import bundle, bundle_check, verify
from zaigang_shared import note as notes
from zaigang_shared.bundle_case import Named
from zaigang_shared.bundle_report import Answer, Report, State
from zaigang_shared.errors import BundleError

NAMED = Named(root=ROOT)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def node(here: Office) -> Talker:
    return here.node()


@pytest.fixture
def laptop(here: Office, node: Talker) -> Talker:
    """Four hours at the site, the first spooled and the beacon heard; judged."""
    made = here.laptop()
    heard = [(node.device, 0)]
    made.works(START, START + HOUR_MS, SITE_NET, heard=heard, spool=True)
    made.deliver_spool(START + HOUR_MS + MINUTE_MS)
    made.works(START + HOUR_MS + 2 * MINUTE_MS, START + 4 * HOUR_MS, SITE_NET, heard=heard)
    here.a_day()
    here.judge()
    return made


def name_of(here: Office) -> str:
    (stored,) = here.newest()
    return stored.id


def checked(data: bytes) -> Report:
    return bundle_check.check(data, NAMED)


def broken(report: Report) -> list[str]:
    return [f"{one.record}: {one.detail.en}" for one in report.links if one.state is State.BROKEN]


def test_a_bundle_of_a_day_verifies_and_is_judged_again_to_the_same_bytes(
    here: Office, laptop: Talker
) -> None:
    data = exported(here.world.engine, name_of(here))
    report = checked(data)
    assert broken(report) == []
    assert report.answer is Answer.HOLDS
    again = recheck.recheck(data)
    assert again.problems == ()
    (stored,) = here.newest()
    assert again.presence == stored.presence.value
    assert again.envelopes > 200
    assert again.readings > 400


def test_the_same_store_gives_the_same_bundle(here: Office, laptop: Talker) -> None:
    one, other = (exported(here.world.engine, name_of(here)) for _ in range(2))
    assert one == other


def test_a_day_without_any_device_makes_a_bundle_as_well(here: Office) -> None:
    here.a_day()
    here.judge()
    data = exported(here.world.engine, name_of(here))
    assert checked(data).answer is Answer.HOLDS
    assert recheck.recheck(data).presence == "unverified"


def test_the_punches_that_a_claim_is_compared_with_come_along(here: Office) -> None:
    """A punch in another town forty minutes before: whoever reads of it can see it."""
    there = Point(39.9042, 116.4074, "WGS-84", 20.0)
    for direction, minutes in ((Direction.IN, -180), (Direction.OUT, -40)):
        at_ms = START + minutes * MINUTE_MS
        here.punch(direction, at_ms, f"there-{direction.value}", point=there)
    beside = Point(31.2, 121.5, "WGS-84", 20.0)
    here.punch(Direction.IN, START, point=beside)
    here.punch(Direction.OUT, START + 4 * HOUR_MS, point=beside)
    here.at(START + 6 * HOUR_MS)
    here.judge()
    stored = max(here.newest(), key=lambda one: one.start_ms)

    data = exported(here.world.engine, stored.id)

    claim = json.loads(stored.body)["claim"]
    assert [one["latitude"] for one in claim["elsewhere"]] == [39.9042]  # the nearest, no more
    assert b"cannot both be" in stored.body
    assert checked(data).answer is Answer.HOLDS
    assert recheck.recheck(data).problems == ()
    files = files_of(data)
    (named,) = claim["elsewhere_ids"]
    gone = next(path for path, body in files.items() if b"there-out" in body)
    assert named not in gone
    without = {path: body for path, body in files.items() if path != gone}
    rest = [one for one in entries_of(files) if one.get("file") != gone]
    said = broken(checked(with_entries(without, rest)))
    assert any(f"names clock-in {named}, which is not in the bundle" in one for one in said)


def test_what_is_not_in_the_ledger_yet_is_not_exported(here: Office, laptop: Talker) -> None:
    exported(here.world.engine, name_of(here))
    start = START + 4 * HOUR_MS
    laptop.works(start, start + MINUTE_MS, SITE_NET, spool=True)
    laptop.deliver_spool(START + 7 * HOUR_MS)
    here.judge()
    with (
        db.reading(here.world.engine) as conn,
        pytest.raises(ConflictError, match="no place in the ledger yet"),
    ):
        export.export(conn, COLLECTOR, name_of(here), "x", START)


def test_evidence_that_is_gone_is_told_and_not_papered_over(here: Office, laptop: Talker) -> None:
    here.altered = True
    with db.writing(here.world.engine) as conn:
        conn.execute(sa.update(ENVELOPE).where(ENVELOPE.c.seq > 100).values(data=None))
    with pytest.raises(ConflictError, match="does not come out as it is stored"):
        exported(here.world.engine, name_of(here))


def test_somebody_who_was_forgotten_has_no_bundle(here: Office, laptop: Talker) -> None:
    name = name_of(here)
    with db.writing(here.world.engine) as conn:
        random, now_ms = here.world.randomness, here.world.clock.utc
        forgetting.forget(conn, VAULT, "E001", "asked", "HR", now_ms, random)
    with pytest.raises(UnknownIdError):
        exported(here.world.engine, name)


def test_a_bundle_from_before_somebody_was_forgotten_still_verifies_and_another_persons_does(
    here: Office, laptop: Talker
) -> None:
    before = exported(here.world.engine, name_of(here))
    with db.writing(here.world.engine) as conn:
        random, now_ms = here.world.randomness, here.world.clock.utc
        forgetting.forget(conn, VAULT, "E001", "asked", "HR", now_ms, random)
    here.punch_day("E002")
    here.judge()
    after = exported(here.world.engine, name_of(here))
    assert checked(before).answer is checked(after).answer is Answer.HOLDS


@pytest.mark.parametrize(
    ("statement", "record"),
    [
        (
            sa.update(ENTRY)
            .where(ENTRY.c.type == "clock_in")
            .values(at_ms=ENTRY.c.at_ms - HOUR_MS),
            "entries.json #",
        ),
        (sa.update(ENTRY).where(ENTRY.c.type == "policy").values(salt=bytes(16)), "entries.json #"),
    ],
)
def test_a_store_that_was_altered_gives_bundles_that_do_not_hold(
    here: Office, laptop: Talker, statement: sa.Executable, record: str
) -> None:
    exported(here.world.engine, name_of(here))
    here.altered = True
    with db.writing(here.world.engine) as conn:
        conn.execute(statement)
    data = exported(here.world.engine, name_of(here))
    assert broken(checked(data))[0].startswith(record)


def changed_inputs(data: bytes, old: bytes, new: bytes) -> bytes:
    """A bundle whose inputs were edited, with a manifest that fits."""
    files = bundle.read(data)
    assert old in files["inputs.json"]
    files["inputs.json"] = files["inputs.json"].replace(old, new, 1)
    manifest = bundle.canonical_loads(files["manifest.json"], "manifest")
    manifest["files"]["inputs.json"] = hashlib.sha256(files["inputs.json"]).hexdigest()
    files["manifest.json"] = bundle.canonical(manifest)
    return bundle.pack(files)


def test_inputs_that_were_edited_are_found_by_judging_again(here: Office, laptop: Talker) -> None:
    data = exported(here.world.engine, name_of(here))
    text = bundle.read(data)["inputs.json"]
    at = text.index(b'"at_ms":') + 8
    number = text[at : text.index(b",", at)]
    moved = str(int(number) - 6 * HOUR_MS).encode()
    spoilt = changed_inputs(data, b'"at_ms":' + number, b'"at_ms":' + moved)
    assert checked(spoilt).answer is Answer.HOLDS  # no signature binds them
    again = recheck.recheck(spoilt)
    assert not again.holds
    assert any("receipts and arrivals do not allow" in one for one in again.problems)
    later = str(int(number) + 10 * MINUTE_MS).encode()
    spoilt = changed_inputs(data, b'"at_ms":' + number, b'"at_ms":' + later)
    assert not recheck.recheck(spoilt).holds


def test_hearings_cannot_be_moved_by_the_offset_of_their_boot(here: Office, laptop: Talker) -> None:
    """When a beacon was heard is told by that offset, not by the end of the reading."""
    data = exported(here.world.engine, name_of(here))
    text = bundle.read(data)["inputs.json"]
    at = text.index(b'"boot_offset_ms":')
    told = text[at : text.index(b"}", at)].partition(b",")[0]
    number = int(told.partition(b":")[2])
    moved = f'"boot_offset_ms":{number + 6 * HOUR_MS}'.encode()
    again = recheck.recheck(changed_inputs(data, told, moved))
    assert any("receipts and arrivals do not allow" in one for one in again.problems)


def test_a_bundle_whose_links_do_not_hold_is_not_judged(here: Office, laptop: Talker) -> None:
    files = bundle.read(exported(here.world.engine, name_of(here)))
    name = next(one for one in files if one.startswith("envelopes/"))
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    with pytest.raises(BundleError, match="does not hold"):
        recheck.recheck(bundle.pack(files))
    with pytest.raises(BundleError):
        recheck.recheck(b"garbage")


def test_the_interface_gives_the_bundle_and_notes_the_look(here: Office, laptop: Talker) -> None:
    name = name_of(here)
    path = f"/api/v1/assessments/{name}/bundle"
    headers = here.world.token(Scope.READ_READINGS, Scope.READ_LOOKS)
    answer = here.world.client.get(path, headers=headers | {"zaigang-purpose": "case%2017"})
    assert answer.status_code == 200
    report = checked(answer.content)
    assert report.answer is Answer.HOLDS
    assert report.facts["purpose"] == "case 17"
    looks = here.world.client.get("/api/v1/people/E001/looks", headers=headers).json()["items"]
    assert looks[0]["what"] == f"evidence bundle of assessment {name}"
    assert here.world.client.get(path.replace(name, "as-none"), headers=headers).status_code == 404


def test_what_outsiders_vouched_for_goes_along_and_is_checked(
    here: Office, laptop: Talker, tmp_path: Path
) -> None:
    exported(here.world.engine, name_of(here))  # all is placed
    authority = LocalAuthority.create(tmp_path / "authority")
    witness = ed25519_key("a witness")
    with db.writing(here.world.engine) as conn:
        newest = ledger.newest_checkpoint(conn)
        assert newest is not None
        ledger.pin(conn, newest.size)
        text = notes.parse(newest.note).text
        line = notes.cosigned(text, "other.example/w", witness, here.world.clock.utc // 1000)
        stamp = authority.stamp(text.encode())
        for kind, name, data in (
            (AnchorKind.WITNESS, "other.example/w", str(line).encode()),
            (AnchorKind.STAMP, "tsa.example", stamp),
        ):
            anchors.record(
                conn, newest.size, kind, name, Anchored(here.world.clock.utc, data), START, START
            )
    key = notes.verifier_key("other.example/w", witness.public_key(), notes.COSIGNATURE)
    collector = dataclasses.replace(COLLECTOR, witnesses=(key,), stamp_roots=(authority.root,))
    # The ledger goes on: the bundle keeps to the checkpoint that others have seen.
    here.punch_day("E002")
    data = exported(here.world.engine, name_of(here), collector=collector)
    named = Named(root=ROOT, witnesses=(key,), stamp_roots=(authority.root,))
    report = bundle_check.check(data, named, stamp_verifier=verify.verify_stamp)
    assert broken(report) == []
    assert report.answer is Answer.HOLDS
    stranger = notes.verifier_key(
        "other.example/w", ed25519_key("x").public_key(), notes.COSIGNATURE
    )
    named = Named(root=ROOT, witnesses=(stranger,))
    assert bundle_check.check(data, named).answer is Answer.BROKEN


def repacked(files: dict[str, bytes]) -> bytes:
    """With a manifest that fits, as anybody can make one."""
    manifest = bundle.canonical_loads(files["manifest.json"], "manifest")
    manifest["files"] = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in files.items()
        if name != "manifest.json"
    }
    return bundle.pack(files | {"manifest.json": bundle.canonical(manifest)})


def without(files: dict[str, bytes], entry_type: str, *folders: str) -> dict[str, bytes]:
    """As if what these entries are about had been deleted lawfully."""
    entries = bundle.canonical_loads(files["entries.json"], "entries")
    gone = {one["file"] for one in entries if one.get("type") == entry_type}
    for one in entries:
        if one.get("type") == entry_type:
            one["file"] = None
    kept = {
        name: data
        for name, data in files.items()
        if name not in gone and not name.startswith(folders)
    }
    return kept | {"entries.json": bundle.canonical(entries)}


def test_evidence_that_was_withheld_is_not_taken_for_deleted(here: Office, laptop: Talker) -> None:
    files = bundle.read(exported(here.world.engine, name_of(here)))
    stripped = without(files, "envelope", "envelopes/", "devices/", "receipts/")
    (told,) = broken(checked(repacked(stripped)))
    assert "deleted or withheld, nobody can say" in told


def test_a_readme_that_somebody_wrote_is_called_theirs(here: Office, laptop: Talker) -> None:
    files = bundle.read(exported(here.world.engine, name_of(here)))
    plain = [one.en for one in checked(repacked(files)).notes]
    files["README.en.txt"] += b"This person has admitted everything.\n"
    report = checked(repacked(files))
    assert report.answer is Answer.HOLDS
    assert [one.en for one in report.notes if one.en not in plain] == [
        "README.en.txt is not this program's text: unchecked, the words of who made it"
    ]


def test_a_device_whose_enrolment_was_left_out_is_not_believed(
    here: Office, laptop: Talker
) -> None:
    files = bundle.read(exported(here.world.engine, name_of(here)))
    (told,) = broken(checked(repacked(without(files, "device_event", "nothing/"))))
    assert told.startswith("devices/")
    assert "left out, or replaced" in told
