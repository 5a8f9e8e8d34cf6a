"""Step 12 of checking a bundle: the assessment rests on what is in the bundle. Pure.

What an assessment looks like is the collector's affair and grows; here only the links are read,
and what is not known is passed over. Whether the verdict follows from the readings is asked by
`zaigang-collector recheck`, which computes it again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from zaigang_shared import cbor
from zaigang_shared.bundle_case import Case, Item, moment
from zaigang_shared.bundle_report import BrokenError, Said
from zaigang_shared.errors import WireError
from zaigang_shared.ledger_entry import EntryType

_PATH: Final = "assessment.json"
_POLICY_LABEL: Final = b"zaigang/policy/1\0"
_CLOCK_IN_LABEL: Final = b"zaigang/clock_in/1\0"
_CLOCK_IN_ID_BYTES: Final = 10
_CLAIM_FIELDS: Final = {"employee": "employee_id", "site": "site_id", "start_ms": "start_ms", "end_ms": "end_ms"}  # fmt: skip


def links(case: Case) -> Said:
    """12: claim, clock-ins, envelopes and policy that the assessment names are in the bundle."""
    assessment = _read(case)
    claim = _map(assessment, "claim")
    _check_subject(case, claim)
    _check_policy(case, assessment)
    punches = _check_clock_ins(case, claim)
    named = set(_references(assessment))
    _check_envelopes(case, named)
    return Said(
        f"核验结论引用的 {punches} 条打卡、{len(named)} 个封包和判定规则都在包内，且与声明的时段一致",
        f"all that it names is in the bundle and fits the claim: clock-ins ({punches}), envelopes "
        f"({len(named)}), policy",
    )


def doubted_envelopes(case: Case) -> frozenset[bytes]:
    """Those that the assessment itself names among its integrity findings: that their device did
    not go on from its own chain is told there, and no sign that the bundle was tampered with."""
    findings = _read(case).get("findings")
    listed = findings if isinstance(findings, list) else []
    told = [one for one in listed if isinstance(one, dict) and one.get("signal") == "integrity"]
    return frozenset(_references({"findings": told}))


def _read(case: Case) -> Mapping[str, Any]:
    try:
        found = json.loads(case.files[_PATH])
    except (ValueError, RecursionError) as error:
        raise _broken(f"不是 JSON（{error}）", f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _broken("不是核验结论", "is no assessment: expected a map")
    return found


def _map(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    if not isinstance(value, dict):
        raise _broken(f"缺少 {name}", f"has no {name}")
    return value


def _broken(zh: str, en: str) -> BrokenError:
    return BrokenError(_PATH, f"核验结论{zh}", f"the assessment {en}")


def _check_subject(case: Case, claim: Mapping[str, Any]) -> None:
    """The manifest's heading is not signed by anybody: it must say what the assessment says."""
    subject = case.manifest["subject"]
    for name, field in _CLAIM_FIELDS.items():
        if subject.get(name) != claim.get(field):
            raise BrokenError(
                "manifest.json",
                f"清单称 {name} 为 {subject.get(name)!r}，核验结论中为 {claim.get(field)!r}",
                f"the manifest says {name} {subject.get(name)!r}, the assessment {claim.get(field)!r}",
            )


def _check_policy(case: Case, assessment: Mapping[str, Any]) -> None:
    found = hashlib.sha256(_POLICY_LABEL + case.files["policy.json"]).hexdigest()
    if assessment.get("policy_hash") != found:
        raise BrokenError(
            "policy.json",
            "包内的判定规则不是核验结论所依据的规则",
            "is another policy than the one that the assessment was made with",
        )


def _check_clock_ins(case: Case, claim: Mapping[str, Any]) -> int:
    """Each clock-in of the claim, and each that it is compared with, is there and this person's; the
    interval begins with one of its own."""
    punches: dict[str, list[tuple[Item, Mapping[str, Any]]]] = {}
    for item, body in case.bodies(EntryType.CLOCK_IN):
        fields = _clock_in(item, body)
        punches.setdefault(_clock_in_id(fields), []).append((item, fields))
    named, others = _list(claim, "clock_in_ids"), _list(claim, "elsewhere_ids")
    begins = set()
    for reference in (*named, *others):
        found = punches.get(reference.partition("@")[0])
        if not found:
            raise _broken(
                f"所引用的打卡 {reference} 不在包内",
                f"names clock-in {reference}, which is not in the bundle",
            )
        for item, fields in found:
            if fields["employee"] != claim.get("employee_id"):
                raise BrokenError(
                    item.record,
                    f"打卡 {reference} 属于另一名员工",
                    f"clock-in {reference} is another employee's",
                )
            if reference in named:
                begins.add(fields["punched"])
    if named and claim.get("start_ms") not in begins:
        raise _broken(
            "的起始时间与所引用的打卡时间都不相同",
            "begins at a time at which none of its clock-ins was made",
        )
    return len(named) + len(others)


def _list(claim: Mapping[str, Any], name: str) -> Sequence[str]:
    """The clock-ins that a claim names; `elsewhere_ids` is missing in assessments of old."""
    named = claim.get(name, [] if name == "elsewhere_ids" else None)
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise _broken("没有列出打卡记录", "does not list its clock-ins")
    return named


def _clock_in(item: Item, body: bytes) -> Mapping[str, Any]:
    try:
        fields = cbor.loads(body, "clock-in")
    except WireError as error:
        raise _no_clock_in(item, error.detail) from error
    wanted = {"source": str, "source_id": str, "employee": str, "punched": int}
    if not isinstance(fields, dict) or any(
        type(fields.get(name)) is not kind for name, kind in wanted.items()
    ):
        raise _no_clock_in(item, f"expected a map with {sorted(wanted)}")
    return fields


def _no_clock_in(item: Item, why: str) -> BrokenError:
    return BrokenError(item.record, f"打卡记录无法读取（{why}）", f"no clock-in: {why}")


def _clock_in_id(fields: Mapping[str, Any]) -> str:
    """The same punch has the same id on any collector."""
    name = f"{fields['source']}\0{fields['source_id']}".encode()
    digest = hashlib.sha256(_CLOCK_IN_LABEL + name).digest()[:_CLOCK_IN_ID_BYTES]
    return "ci-" + base64.b32encode(digest).decode("ascii").lower()


def _references(assessment: Mapping[str, Any]) -> Iterator[bytes]:
    findings = assessment.get("findings")
    for finding in findings if isinstance(findings, list) else []:
        references = finding.get("references") if isinstance(finding, dict) else None
        for one in references if isinstance(references, list) else []:
            named = one.get("envelope") if isinstance(one, dict) else None
            if not isinstance(named, str):
                raise _broken("有一条引用没有写明封包", "has a reference that names no envelope")
            try:
                yield bytes.fromhex(named)
            except ValueError as error:
                raise _broken(
                    f"引用的封包 {named} 不是哈希值", f"names {named!r}, which is no hash"
                ) from error


def _check_envelopes(case: Case, named: set[bytes]) -> None:
    here = {one.digest for chain in case.chains.values() for one in chain.values()}
    entries = case.known(EntryType.ENVELOPE)
    for digest in sorted(named - here):
        entry = entries.get(digest)
        if entry is None:
            raise _broken(
                f"所依据的封包 {digest.hex()} 不在包内",
                f"rests on envelope {digest.hex()}, which is not in the bundle",
            )
        assert entry.leaf is not None  # noqa: S101  # `known` lists no others
        at = moment(entry.leaf.at_ms)
        raise _broken(
            f"所依据的封包 {digest.hex()}（{at.zh} 入账）不在包内：是已依法删除，还是被人抽走，无从判断",
            f"rests on envelope {digest.hex()} (entered {at.en}), which is not in the bundle: deleted "
            "or withheld, nobody can say",
        )
