"""What somebody with full access to the database, and to the zip, may try: each is named exactly.

Every forged bundle has a manifest that fits: hashing anew costs a forger nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.factories import bundles
from tests.factories.bundles import a_world, ed25519, entries_of, files_of, rehashed, with_entries
from zaigang_shared import (
    bundle,
    bundle_check,
    bundle_words,
    cbor,
    cose,
    envelope,
    merkle,
    note,
    receipt,
)
from zaigang_shared.bundle_case import Named
from zaigang_shared.bundle_report import Answer, Link, Report, State
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import BundleError, TimestampError
from zaigang_shared.ledger_entry import EntryType

LI_3 = "envelopes/laptop-li/000000000003.cose"
LI_4 = "envelopes/laptop-li/000000000004.cose"
WANG_3 = "envelopes/laptop-wang/000000000003.cose"


def checked(data: bytes) -> Report:
    return bundle_check.check(data, a_world().named())


def files() -> dict[str, bytes]:
    return files_of(bundles.a_bundle())


def broken(data: bytes, named: Named | None = None) -> Link:
    """The first broken link, which both languages name with its record."""
    report = bundle_check.check(data, named or a_world().named())
    link = report.broken
    assert link is not None
    assert link.record
    assert report.answer is Answer.BROKEN
    for language in ("zh", "en"):
        told = bundle_words.told(report, language)
        assert link.record in told
        assert link.detail[language] in told
    return link


def entry_of(path: str) -> dict[str, Any]:
    return next(one for one in entries_of(files()) if one.get("file") == path)


def clock_in_entry() -> dict[str, Any]:
    return next(one for one in entries_of(files()) if one.get("type") == "clock_in")


def test_an_untouched_bundle_holds() -> None:
    report = checked(bundles.a_bundle())
    assert report.answer is Answer.HOLDS
    assert {link.state for link in report.links} == {State.HOLDS}


def test_without_a_named_root_it_holds_in_itself_only_and_says_so() -> None:
    report = bundle_check.check(bundles.a_bundle())
    assert report.answer is Answer.HOLDS_IN_ITSELF
    assert "COMPARE the root fingerprint" in bundle_words.told(report, "en")
    assert "尚不足为证" in bundle_words.told(report, "zh")


def test_a_whole_bundle_by_another_collector_is_not_of_the_named_root() -> None:
    other = bundle.write(
        a_world(ca_name="mine", log_name="mine", collector_name="my receipts").parts()
    )
    assert bundle_check.check(other).answer is Answer.HOLDS_IN_ITSELF
    assert broken(other).name == "root"


@pytest.mark.parametrize(
    ("changed", "record"),
    [
        ("ca_name", "trust/ca.pem"),
        ("log_name", "trust/log.vkey"),
        ("collector_name", "trust/collector.pem"),
    ],
)
def test_each_of_the_three_keys_can_be_pinned_itself(changed: str, record: str) -> None:
    trust = a_world().trust
    named = Named(ca=trust.ca, log=trust.log, collector_key=trust.collector_key)
    assert bundle_check.check(bundles.a_bundle(), named).answer is Answer.HOLDS
    other = bundle.write(a_world(6, **{changed: "other"}).parts())
    assert broken(other, named).record == record


def test_one_edited_reading_is_named() -> None:
    found = files()
    at = found[LI_3].index(b"local")
    found[LI_3] = found[LI_3][:at] + b"loc4l" + found[LI_3][at + 5 :]
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("envelopes", LI_3)


def test_one_edited_reading_that_is_signed_by_another_key_is_named() -> None:
    found = files()
    honest = envelope.open_sealed(found[LI_3], ed25519("laptop-li").public_key())
    seal = honest.seal
    found[LI_3] = envelope.seal(ed25519("forger"), seal, honest.readings)
    assert broken(rehashed(found)).record == LI_3


def test_a_reading_that_the_device_itself_signs_anew_is_not_the_one_that_was_acknowledged() -> None:
    found = files()
    honest = envelope.open_sealed(found[LI_4], ed25519("laptop-li").public_key())
    reading = dict(honest.readings[0]) | {"active": 0}
    found[LI_4] = envelope.seal(ed25519("laptop-li"), honest.seal, [reading])
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("chains", "envelopes/laptop-li/000000000005.cose")
    last = "envelopes/laptop-li/000000000006.cose"
    found = files()
    honest = envelope.open_sealed(found[last], ed25519("laptop-li").public_key())
    found[last] = envelope.seal(ed25519("laptop-li"), honest.seal, [reading])
    link = broken(rehashed(found))
    assert link.name == "receipts"
    assert link.record is not None
    assert link.record.startswith("receipts/laptop-li/000000000006-")


def test_a_deleted_envelope_is_named_by_its_entry() -> None:
    found = files()
    del found[LI_3]
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("entries", f"entries.json #{entry_of(LI_3)['index']}")
    assert LI_3 in link.detail.zh


def test_a_deleted_envelope_without_its_entry_is_a_hole_and_missed_by_what_rests_on_it() -> None:
    found = files()
    gone = "envelopes/laptop-li/000000000004.cose"  # the assessment names every third
    digest = hashlib.sha256(found.pop(gone)).hexdigest()
    rest = [one for one in entries_of(found) if one.get("file") != gone]
    report = checked(with_entries(found, rest))
    assert report.broken is not None
    assert report.broken.record == "assessment.json"
    assert digest in report.broken.detail.en
    assert any("lacks envelopes 4" in said.en for said in report.notes)


def test_an_envelope_that_nothing_rests_on_may_be_missing_and_is_told() -> None:
    found = files()
    del found["envelopes/laptop-wang/000000000004.cose"]
    rest = [one for one in entries_of(found) if one.get("file") in {None, *found}]
    report = checked(with_entries(found, rest))
    assert report.answer is Answer.HOLDS
    assert any("第 4 号封包" in said.zh for said in report.notes)


def test_two_envelopes_in_each_others_place_are_named() -> None:
    found = files()
    found[LI_3], found[LI_4] = found[LI_4], found[LI_3]
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("envelopes", LI_3)
    assert "exchanged" in link.detail.en


def test_envelopes_exchanged_between_two_people_are_named() -> None:
    found = files()
    found[LI_3], found[WANG_3] = found[WANG_3], found[LI_3]
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("envelopes", LI_3)


def test_entries_exchanged_between_two_people_are_named() -> None:
    entries = entries_of(files())
    mine, other = (
        next(one for one in entries if one.get("file") == path) for path in (LI_3, WANG_3)
    )
    mine["file"], other["file"] = other["file"], mine["file"]
    link = broken(with_entries(files(), entries))
    assert (link.name, link.record) == ("entries", f"entries.json #{mine['index']} ({WANG_3})")


def test_a_back_dated_clock_in_is_named() -> None:
    """The body, its path and its hash in the entry are all made to fit; the leaf is not."""
    found, entries = files(), entries_of(files())
    entry = next(one for one in entries if one.get("type") == "clock_in")
    fields = cbor.loads(found.pop(entry["file"]), "clock-in")
    fields["punched"] -= 3_600_000
    body = cbor.dumps(fields)
    entry["body"] = hashlib.sha256(body).hexdigest()
    entry["file"] = f"bodies/{entry['body']}"
    found[entry["file"]] = body
    link = broken(with_entries(found, entries))
    assert (link.name, link.record) == (
        "entries", f"entries.json #{entry['index']} ({entry['file']})",
    )  # fmt: skip


def test_a_clock_in_whose_body_alone_is_edited_is_named() -> None:
    found, entry = files(), clock_in_entry()
    found[entry["file"]] = found[entry["file"]].replace(b"lujiazui", b"xujiahui")
    link = broken(rehashed(found))
    assert link.record == f"entries.json #{entry['index']} ({entry['file']})"


@pytest.mark.parametrize("field", ["at_ms", "type", "salt", "index"])
def test_an_entry_of_another_time_type_salt_or_index_is_named(field: str) -> None:
    entries = entries_of(files())
    entry = next(one for one in entries if one.get("type") == "clock_in")
    changed = {
        "at_ms": entry["at_ms"] - 1,
        "type": "work_log",
        "salt": "00" * 16,
        "index": entry["index"] + 500,
    }
    entry[field] = changed[field]
    link = broken(with_entries(files(), entries))
    assert (link.name, link.record) == (
        "entries", f"entries.json #{entry['index']} ({entry['file']})",
    )  # fmt: skip


def test_the_proof_of_another_leaf_is_named() -> None:
    entries = entries_of(files())
    entry, other = entries[2], entries[5]
    entry["proof"] = other["proof"]
    link = broken(with_entries(files(), entries))
    assert link.name == "entries"
    assert link.record is not None
    assert link.record.startswith(f"entries.json #{entry['index']}")


def test_a_blinded_entry_still_has_to_be_in_the_tree() -> None:
    entries = entries_of(files())
    entry = next(one for one in entries if "leaf" in one)
    entry["leaf"] = "11" * 32
    link = broken(with_entries(files(), entries))
    assert link.record == f"entries.json #{entry['index']}"


def test_a_receipt_of_another_device_in_the_place_of_ones_own_is_named() -> None:
    found = files()
    mine = next(name for name in found if name.startswith("receipts/laptop-li/000000000003"))
    other = next(name for name in found if name.startswith("receipts/laptop-wang/000000000003"))
    found[mine] = found[other]
    link = broken(rehashed(found))
    assert (link.name, link.record) == ("receipts", mine)
    assert "replayed" in link.detail.en


def test_an_envelope_that_quotes_the_receipt_of_another_device_is_named() -> None:
    world = bundles.World()
    world.works(1)
    stolen = envelope.digest(world.receipts[1])
    world.says("laptop-li", rcpt=stolen)
    link = broken(bundle.write(world.parts()))
    assert (link.name, link.record) == ("receipts", "envelopes/laptop-li/000000000002.cose")


def test_an_envelope_that_was_entered_before_the_receipt_it_quotes_is_named() -> None:
    world = a_world(2)
    later = receipt.sign_receipt(
        ed25519("collector"),
        receipt.Receipt("laptop-li", 2, envelope.digest(world.envelopes[-2]), world.now_ms + 3_600_000),
    )  # fmt: skip
    world.receipts.append(later)
    world.says("laptop-li", rcpt=envelope.digest(later))
    link = broken(bundle.write(world.parts()))
    assert (link.name, link.record) == ("receipts", "envelopes/laptop-li/000000000003.cose")
    assert "back-dated" in link.detail.en


def test_a_receipt_by_another_key_is_named() -> None:
    world = a_world(2)
    forged = receipt.sign_receipt(
        ed25519("forger"),
        receipt.Receipt("laptop-li", 1, envelope.digest(world.envelopes[0]), world.now_ms),
    )
    world.receipts.append(forged)
    link = broken(bundle.write(world.parts()))
    assert link.name == "receipts"


@pytest.mark.parametrize(
    "certificate",
    [
        bundles.a_certificate("laptop-li", key="forger", authority="mine"),
        bundles.a_certificate("laptop-li", authority="mine"),
        bundles.a_certificate("laptop-wang"),
        bundles.a_certificate("laptop-li", begin_ms=bundles.START_MS - 40 * 86_400_000),
    ],
)
def test_a_replaced_certificate_is_named(certificate: Any) -> None:
    world = a_world()
    parts = world.parts()
    certificates = {**parts.certificates, "laptop-li": [certificate]}
    link = broken(bundle.write(replace(parts, certificates=certificates)))
    assert (link.name, link.record) == ("certificates", "devices/laptop-li.pem")


def test_a_second_key_beside_the_first_is_named() -> None:
    parts = a_world().parts()
    both = [
        bundles.a_certificate("laptop-li"),
        bundles.a_certificate("laptop-li", key="forger"),
    ]
    link = broken(bundle.write(replace(parts, certificates={**parts.certificates, "laptop-li": both})))  # fmt: skip
    assert link.record == "devices/laptop-li.pem"


def test_a_certificate_that_the_ca_itself_issued_for_another_key_is_named() -> None:
    """Whoever has the CA's key can do all of it, but for what was entered at enrolment."""
    world = bundles.World()
    world.device_event("laptop-li", "enrolled", key=ed25519("the true one").public_key())
    world.clocks_in(bundles.START_MS)
    world.says("laptop-li")
    link = broken(bundle.write(world.parts()))
    assert (link.name, link.record) == ("entries", "devices/laptop-li.pem")


def test_an_expired_certificate_is_no_fault_of_evidence_that_came_before() -> None:
    parts = a_world().parts()
    short = [bundles.a_certificate("laptop-li", days=2)]
    renewed = [bundles.a_certificate("laptop-li", begin_ms=bundles.START_MS - 7_200_000, days=1)]
    for certificates in (short, renewed, short + renewed):
        changed = {**parts.certificates, "laptop-li": certificates}
        assert checked(bundle.write(replace(parts, certificates=changed))).answer is Answer.HOLDS
    expired = [bundles.a_certificate("laptop-li", begin_ms=bundles.START_MS - 3 * 86_400_000, days=1)]  # fmt: skip
    link = broken(bundle.write(replace(parts, certificates={**parts.certificates, "laptop-li": expired})))  # fmt: skip
    assert link.record == "envelopes/laptop-li/000000000001.cose"


def test_a_checkpoint_by_another_key_is_named() -> None:
    world = a_world()
    parts = world.parts()
    forged = Checkpoint(bundles.ORIGIN, world.size, world.tree().root()).sign(ed25519("forger"))
    link = broken(bundle.write(replace(parts, checkpoint=str(forged))))
    assert (link.name, link.record) == ("checkpoint", "checkpoint.txt")


def test_a_checkpoint_with_another_root_under_the_old_signature_is_named() -> None:
    parts = a_world().parts()
    signed = note.parse(parts.checkpoint)
    text = Checkpoint(bundles.ORIGIN, 1000, b"\1" * 32).text
    link = broken(bundle.write(replace(parts, checkpoint=str(replace(signed, text=text)))))
    assert (link.name, link.record) == ("checkpoint", "checkpoint.txt")


def test_a_checkpoint_of_another_root_that_the_log_itself_signed_fits_no_entry() -> None:
    parts = a_world().parts()
    forged = Checkpoint(bundles.ORIGIN, 1000, b"\1" * 32).sign(ed25519("log"))
    named = replace(a_world().named(), witnesses=())
    link = broken(bundle.write(replace(parts, checkpoint=str(forged))), named)
    assert link.name == "entries"


def test_a_ledger_written_anew_lacks_the_witness() -> None:
    world = a_world()
    parts = world.parts()
    alone = Checkpoint(bundles.ORIGIN, world.size, world.tree().root()).sign(ed25519("log"))
    link = broken(bundle.write(replace(parts, checkpoint=str(alone))))
    assert (link.name, link.record) == ("anchors", "checkpoint.txt")


def test_a_cosignature_of_another_checkpoint_is_named() -> None:
    world, other = a_world(), a_world(trailing=b"other")
    parts = world.parts()
    other.parts()
    stolen = other.checkpoint().signatures[1]
    alone = note.parse(parts.checkpoint)
    mixed = replace(alone, signatures=(alone.signatures[0], stolen))
    link = broken(bundle.write(replace(parts, checkpoint=str(mixed))))
    assert link.name == "anchors"


def test_a_witness_that_saw_the_checkpoint_before_its_newest_entry_shows_a_false_time() -> None:
    world = a_world()
    world.enter(EntryType.ACCESS, b"x", "forgotten", at_ms=world.now_ms + 3_600_000)
    link = broken(bundle.write(world.parts()))
    assert (link.name, link.record) == ("anchors", "checkpoint.txt")


@dataclass(frozen=True)
class Stamp:
    at_ms: int


def test_a_time_stamp_is_held_against_the_checkpoint_and_its_newest_entry() -> None:
    world = a_world()
    parts = replace(world.parts(), stamp=b"token")
    root = bundles.an_authority("authority of time")
    named = replace(world.named(), stamp_roots=[root])
    asked: list[tuple[bytes, bytes]] = []

    def report(at_ms: int | None) -> Report:
        def verifier(token: bytes, data: bytes, roots: Any) -> Stamp:
            asked.append((token, data))
            assert list(roots) == [root]
            if at_ms is None:
                raise TimestampError("the time stamp is of other data")
            return Stamp(at_ms)

        return bundle_check.check(bundle.write(parts), named, stamp_verifier=verifier)

    assert report(world.now_ms + 5000).answer is Answer.HOLDS
    assert asked == [(b"token", note.parse(parts.checkpoint).text.encode())]
    for at_ms in (None, world.now_ms - 3_600_000):
        link = report(at_ms).broken
        assert link is not None
        assert (link.name, link.record) == ("anchors", "checkpoint.tsr")
    missing = bundle_check.check(bundles.a_bundle(), named).broken
    assert missing is not None
    assert missing.record == "checkpoint.tsr"


@pytest.mark.parametrize("path", [LI_3, "assessment.json", "policy.json"])
def test_what_is_shown_without_an_entry_is_named(path: str) -> None:
    entries = [one for one in entries_of(files()) if one.get("file") != path]
    link = broken(with_entries(files(), entries))
    assert (link.name, link.record) == ("complete", path)


def test_a_body_that_was_never_entered_is_named() -> None:
    path = f"bodies/{hashlib.sha256(b'slipped in').hexdigest()}"
    link = broken(rehashed({**files(), path: b"slipped in"}))
    assert (link.name, link.record) == ("complete", path)


def test_an_assessment_that_names_an_absent_envelope_is_named() -> None:
    world = a_world()
    finding = {"signal": "hands", "references": [{"envelope": "ab" * 32, "index": 0}]}
    found = world.assessment(bundle.canonical({"slot_s": 300}), findings=[finding])
    link = broken(bundle.write(world.parts(found)))
    assert (link.name, link.record) == ("assessment", "assessment.json")
    assert "ab" * 32 in link.detail.zh


def test_an_assessment_under_another_policy_is_named() -> None:
    world = a_world()
    link = broken(bundle.write(world.parts(world.assessment(b"{}"))))
    assert (link.name, link.record) == ("assessment", "policy.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"clock_in_ids": ["ci-aaaaaaaaaaaaaaaa@1"]},
        {"start_ms": bundles.START_MS - 1},
        {"employee_id": "e002"},
        {"clock_in_ids": None},
    ],
)
def test_an_assessment_whose_claim_is_not_what_was_clocked_in_is_named(
    changes: dict[str, Any],
) -> None:
    world = a_world()
    found = world.assessment(bundle.canonical({"slot_s": 300}))
    found["claim"] |= changes
    parts = world.parts(found)
    claim = found["claim"]
    subject = replace(parts.subject, start_ms=claim["start_ms"], employee=claim["employee_id"])
    assert broken(bundle.write(replace(parts, subject=subject))).name == "assessment"


def test_a_manifest_that_names_another_person_than_the_assessment_is_named() -> None:
    parts = a_world().parts()
    link = broken(bundle.write(replace(parts, subject=replace(parts.subject, employee="e007"))))
    assert (link.name, link.record) == ("assessment", "manifest.json")


def test_two_entries_of_one_index_are_named() -> None:
    entries = entries_of(files())
    link = broken(with_entries(files(), [*entries[:4], *entries[3:]]))
    assert (link.name, link.record) == ("once", f"entries.json #{entries[3]['index']}")


def test_an_envelope_that_was_entered_twice_is_named() -> None:
    world = a_world()
    world.enter(EntryType.ENVELOPE, world.envelopes[0])
    link = broken(bundle.write(world.parts()))
    assert link.name == "once"


def test_an_entry_that_was_back_dated_when_it_was_entered_is_named() -> None:
    world = a_world()
    index = world.first_index + len(world.log)
    world.note_down(EntryType.WORK_LOG, b"written afterwards", at_ms=bundles.START_MS - 3_600_000)
    link = broken(bundle.write(world.parts()))
    assert (link.name, link.record) == ("once", f"entries.json #{index}")


def test_bodies_that_have_a_place_of_their_own_are_not_written_twice() -> None:
    parts = a_world().parts()
    again = [*parts.bodies, parts.assessment, parts.policy, *parts.envelopes]
    assert bundle.write(replace(parts, bodies=again)) == bundles.a_bundle()


def test_words_beside_a_certificate_are_refused() -> None:
    found = files()
    found["devices/laptop-li.pem"] += b"issued to somebody else\n"
    assert broken(rehashed(found)).record == "devices/laptop-li.pem"
    for path in ("trust/ca.pem", "trust/collector.pem"):
        found = files()
        found[path] = b"not to be trusted\n" + found[path]
        assert broken(rehashed(found)).record == path


def test_two_envelopes_of_one_number_go_in_no_bundle() -> None:
    world = a_world()
    parts = world.parts()
    honest = envelope.from_signed(cose.decode(world.envelopes[0]), world.envelopes[0])
    fork = envelope.seal(ed25519("laptop-li"), replace(honest.seal, wall_ms=1), honest.readings)
    with pytest.raises(BundleError, match="fork"):
        bundle.write(replace(parts, envelopes=[*world.envelopes, fork]))


def test_a_device_that_went_back_is_a_note_where_the_assessment_says_so_and_else_a_fault() -> None:
    def world() -> bundles.World:
        one = a_world(3)
        one.says("laptop-li", prev=b"\7" * 32)
        return one

    link = broken(bundle.write(world().parts()))
    assert (link.name, link.record) == ("chains", LI_4)
    told = world()
    reference = {"envelope": envelope.digest(told.envelopes[-1]).hex(), "index": 0}
    found = told.assessment(
        bundle.canonical({"slot_s": 300}),
        findings=[{"signal": "integrity", "references": [reference]}],
    )
    report = checked(bundle.write(told.parts(found)))
    assert report.answer is Answer.HOLDS
    assert any("did not go on from its own chain" in said.en for said in report.notes)


def test_what_became_of_a_device_is_told() -> None:
    world = a_world(2)
    world.device_event("laptop-li", "handed_over", employee="e002", site=None)
    world.device_event("laptop-li", "status", status="revoked", why="lost", **{"from": 1})
    world.device_event("somebody-elses", "status", status="lost", why="x")
    notes = checked(bundle.write(world.parts())).notes
    assert any("设备 laptop-li 交接，归属 e002" in said.zh for said in notes)
    assert any("laptop-li status: revoked, not trusted since 1970" in said.en for said in notes)
    assert not any("somebody-elses" in said.en for said in notes)


def test_a_fork_shown_to_one_viewer_is_found_by_comparing_two_bundles() -> None:
    other = bundle.write(a_world(trailing=b"only for you").parts())
    assert checked(other).answer is Answer.HOLDS
    report = bundle_check.check(bundles.a_bundle(), a_world().named(), against=other)
    assert report.broken is not None
    assert (report.broken.name, report.broken.record) == ("same_ledger", "checkpoint.txt")
    same = bundle_check.check(bundles.a_bundle(), a_world().named(), against=bundles.a_bundle())
    assert same.answer is Answer.HOLDS


def test_two_checkpoints_of_different_size_need_a_proof_that_one_continues_the_other() -> None:
    later, forked = a_world(size=2000), a_world(size=2000, first_index=101)
    for one in (later, forked):
        one.parts()
    named = a_world().named()

    def report(world: bundles.World, proof: list[bytes] | None) -> Report:
        other = bundle.write(replace(a_world(size=2000).parts(), checkpoint=str(world.checkpoint())))  # fmt: skip
        return bundle_check.check(bundles.a_bundle(), named, against=other, consistency=proof)

    proofs = [merkle.consistency_proof(1000, 2000, world.tree().node) for world in (later, forked)]
    assert report(later, None).answer is Answer.NOT_COMPARED
    assert report(later, proofs[0]).answer is Answer.HOLDS
    assert report(later, proofs[0][:-1]).answer is Answer.BROKEN
    assert report(forked, proofs[1]).answer is Answer.BROKEN


def test_a_report_names_every_link_in_both_languages_and_in_json() -> None:
    report = checked(bundles.a_bundle())
    told = json.loads(json.dumps(report.as_json()))
    assert told["answer"] == "holds"
    assert [link["number"] for link in told["links"]] == list(range(1, 14))
    for link in report.links:
        assert link.what.zh in bundle_words.told(report, "zh")
        assert link.what.en in bundle_words.told(report, "en")


def test_what_a_bundle_says_of_itself_steers_no_terminal() -> None:
    parts = replace(a_world().parts(), purpose="\x1b[2Jall is well\n 结论：成立")
    told = bundle_words.told(checked(bundle.write(parts)), "zh")
    assert "\x1b" not in told
    assert "\n 结论：成立" not in told
