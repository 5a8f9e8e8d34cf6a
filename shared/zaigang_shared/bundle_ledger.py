"""Steps 8 to 11, 13 and 14 of checking a bundle: checkpoint, entries, anchors, completeness. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

from zaigang_shared import bundle_devices, merkle
from zaigang_shared import checkpoint as checkpoints
from zaigang_shared import note as notes
from zaigang_shared.bundle_case import ALLOWANCE_MS, Case, Item, moment
from zaigang_shared.bundle_report import BrokenError, Said, State, some
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import NoteError, ProofError, TimestampError
from zaigang_shared.ledger_entry import EntryType
from zaigang_shared.note import Note, VerifierKey

_CHECKPOINT: Final = "checkpoint.txt"
_STAMP: Final = "checkpoint.tsr"


def checkpoint(case: Case) -> Said:
    """8: the checkpoint is signed by the log's key."""
    try:
        case.checkpoint, case.note = checkpoints.open_note(case.files[_CHECKPOINT], case.trust.log)
    except NoteError as error:
        raise BrokenError(
            _CHECKPOINT,
            f"账本检查点不是由账本密钥签署，或已被改动：检查点系伪造（{error}）",
            f"the checkpoint is not signed by the log's key, or was changed: forged ({error})",
        ) from error
    if case.manifest["origin"] != case.checkpoint.origin:
        raise BrokenError(
            "manifest.json",
            f"清单中的账本名称与检查点（{case.checkpoint.origin}）不同",
            f"the manifest names another log than the checkpoint ({case.checkpoint.origin})",
        )
    size = case.checkpoint.size
    case.facts["checkpoint"] = {
        "origin": case.checkpoint.origin,
        "size": size,
        "root": case.checkpoint.root.hex(),
    }
    return Said(
        f"检查点签名有效：账本 {case.checkpoint.origin} 当时共 {size} 条",
        f"signed: ledger {case.checkpoint.origin} had {size} entries then",
    )


def entries(case: Case) -> Said:
    """9: each entry's leaf is made of its fields, its body has that hash, and it is in the tree."""
    blinded = forgotten = 0
    for item in case.items:
        if item.leaf is None:
            blinded += 1
        elif item.file is None:
            forgotten += 1
        else:
            _check_body(case, item)
        _check_included(case, item)
    if blinded or forgotten:
        case.notes.append(
            Said(
                f"{forgotten + blinded} 条账本记录的内容不在包内（其中 {blinded} 条只剩叶子哈希）：已依法删除，"
                "或被人抽走；它们仍在账本中，但内容无从核对",
                f"of {forgotten + blinded} entries the body is not in the bundle ({blinded} are a bare "
                "leaf): deleted, or left out; they are in the ledger still, and nobody can say what "
                "they said",
            )
        )
    bundle_devices.tell(case)
    case.facts["entries"] = len(case.items)
    return Said(
        f"{len(case.items)} 条存证账本记录都被检查点的根所涵盖",
        f"all {len(case.items)} ledger entries are under the checkpoint's root",
    )


def anchors(case: Case) -> tuple[State, Said]:
    """10: witnesses and a time stamp authority saw this checkpoint, and not before its entries."""
    witnessed, seen_zh, seen_en = _witnesses(case)
    stamped, stamp_zh, stamp_en = _stamp(case)
    detail = Said(f"{seen_zh}；{stamp_zh}", f"{seen_en}; {stamp_en}")
    states = {witnessed, stamped}
    if State.HOLDS in states:
        return State.HOLDS, detail
    return (State.NOT_NAMED if State.NOT_NAMED in states else State.NOT_CHECKED), detail


def complete(case: Case) -> Said:
    """11: whatever is shown as evidence has its entry, under the right type."""
    claimed = {item.file: item for item in case.items if item.file is not None}
    folders = ("envelopes/", "bodies/")
    shown = [name for folder in folders for name in case.under(folder)]
    for path in (*shown, "assessment.json", "policy.json"):
        item = claimed.pop(path, None)
        if item is None or item.leaf is None:
            raise BrokenError(
                path,
                "这份文件没有对应的账本记录：不能证明它曾经入账",
                "no ledger entry is about this file: nothing says that it was ever entered",
            )
        if not _fits(path, item.leaf.type):
            raise BrokenError(
                item.record,
                f"账本记录的类型是 {item.leaf.type}，却指向 {path}",
                f"an entry of type {item.leaf.type} points to {path}",
            )
    if claimed:
        path, item = next(iter(claimed.items()))
        raise BrokenError(
            item.record,
            f"账本记录指向 {path}，那里不能存放内容",
            f"points to {path}, where no body lies",
        )
    count = len(shown) + 2
    return Said(f"{count} 份文件都有账本记录", f"each of {count} files has its ledger entry")


def once(case: Case) -> Said:
    """13: no index twice, no envelope twice, and times that go forward.

    Two envelopes of one number have one path (step 5), which a zip has once (step 1).
    """
    highest, last, seen = -1, 0, dict[tuple[EntryType, bytes], int]()
    for item in case.items:
        if item.index <= highest:
            raise BrokenError(
                item.record,
                f"账本记录的序号 {item.index} 重复或次序颠倒",
                f"index {item.index} is there twice, or out of order",
            )
        highest = item.index
        if item.leaf is None:
            continue
        if item.leaf.at_ms + ALLOWANCE_MS < last:
            at, before = moment(item.leaf.at_ms), moment(last)
            raise BrokenError(
                item.record,
                f"记录时间（{at.zh}）早于序号更小的记录（{before.zh}）：时间被倒填",
                f"says {at.en}, though an entry before it says {before.en}: back-dated",
            )
        last = max(last, item.leaf.at_ms)
        if item.leaf.type is EntryType.ENVELOPE:
            name = (item.leaf.type, item.leaf.body_hash)
            if name in seen:
                raise BrokenError(
                    item.record,
                    f"同一个封包以序号 {seen[name]} 和 {item.index} 两次入账",
                    f"the envelope of #{seen[name]} was entered again",
                )
            seen[name] = item.index
    return Said("序号不重复，入账时间依次向前", "no index twice, and the times go forward")


def same_ledger(case: Case, other: str | bytes, proof: list[bytes] | None) -> tuple[State, Said]:
    """14: another bundle's checkpoint is of the same history."""
    try:
        there, _ = checkpoints.open_note(other, case.trust.log)
    except NoteError as error:
        raise BrokenError(
            "--against checkpoint.txt",
            f"另一证据包的检查点不是由同一账本密钥签署（{error}）",
            f"the other bundle's checkpoint is not signed by the same log key ({error})",
        ) from error
    here = case.checkpoint
    old, new = sorted((here, there), key=lambda one: one.size)
    if old.size == new.size:
        if old.root != new.root:
            raise _forked(old, new, "")
        return State.HOLDS, Said("两个检查点完全相同", "both checkpoints are the same")
    if proof is None:
        return State.NOT_CHECKED, Said(
            f"两个检查点分别有 {old.size} 条和 {new.size} 条，需要服务器出具一致性证明才能判断"
            "（--consistency 文件）",
            f"they have {old.size} and {new.size} entries: that one continues the other needs a "
            "consistency proof from the server (--consistency FILE)",
        )
    try:
        merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)
    except ProofError as error:
        raise _forked(old, new, f": {error}") from error
    return State.HOLDS, Said(
        f"{new.size} 条的账本是 {old.size} 条的账本的延续",
        f"the ledger of {new.size} entries continues that of {old.size}",
    )


def _forked(old: Checkpoint, new: Checkpoint, why: str) -> BrokenError:
    return BrokenError(
        _CHECKPOINT,
        f"同一账本密钥签署了两段互相矛盾的历史（{old.size} 条与 {new.size} 条）：账本被分叉{why}",
        f"the same log key signed two histories that contradict each other (sizes {old.size} and "
        f"{new.size}, roots {old.root.hex()[:16]}… and {new.root.hex()[:16]}…): a fork{why}",
    )


def _check_body(case: Case, item: Item) -> None:
    body = case.files.get(item.file or "")
    if body is None:
        raise BrokenError(
            item.record,
            f"账本记录指向的 {item.file} 不在包内：被删除",
            f"the entry's body {item.file} is not in the bundle: deleted",
        )
    if item.leaf is not None and hashlib.sha256(body).digest() != item.leaf.body_hash:
        raise BrokenError(
            f"{item.record} ({item.file})",
            f"{item.file} 的内容与账本记录的哈希值不符：内容被改动",
            f"{item.file} does not have the hash that was entered: changed",
        )


def _check_included(case: Case, item: Item) -> None:
    try:
        merkle.verify_inclusion(
            item.leaf_hash, item.index, case.checkpoint.size, item.proof, case.checkpoint.root
        )
    except ProofError as error:
        subject = "" if item.file is None else f" ({item.file})"
        raise BrokenError(
            item.record + subject,
            "账本记录（类型、时间、哈希值或序号）与检查点的根不符：记录被改动、时间被倒填，"
            "或证明属于另一条记录",
            f"type, time, hash or index of the entry do not lead to the checkpoint's root: changed, "
            f"back-dated, or the proof of another entry ({error})",
        ) from error


def _fits(path: str, entry_type: EntryType) -> bool:
    """Whether a body of this type lies there. Other versions of assessments and policies lie
    among the bodies."""
    if path.startswith("envelopes/"):
        return entry_type is EntryType.ENVELOPE
    fixed = {"assessment.json": EntryType.ASSESSMENT, "policy.json": EntryType.POLICY}
    if path in fixed:
        return entry_type is fixed[path]
    return entry_type is not EntryType.ENVELOPE and path.startswith("bodies/")


def _witnesses(case: Case) -> tuple[State, str, str]:
    """Named ones must have seen it, as many as needed; those that the bundle brings along are
    checked too, but nobody vouches for their keys."""
    named = case.named.witnesses
    needed = len(named) if case.named.witnesses_needed is None else case.named.witnesses_needed
    keys = named or case.trust.witnesses
    seen = {str(key): at_s for key in keys if (at_s := _seen_by(case, key)) is not None}
    names = [key.name for key in keys if str(key) in seen]
    if named and len(seen) < needed:
        raise BrokenError(
            _CHECKPOINT,
            f"需要 {needed} 个见证方的联署，只有 {len(seen)} 个",
            f"{needed} of the named witnesses must have cosigned, {len(seen)} did",
        )
    if not seen:
        return State.NOT_CHECKED, "没有见证方联署", "no witness cosigned"
    case.facts["witnessed_s"] = min(seen.values())
    at = moment(min(seen.values()) * 1000)
    zh, en = f"见证方 {some(names)} 于{at.zh} 联署", f"cosigned by {some(names)} at {at.en}"
    if named:
        return State.HOLDS, zh, en
    return (
        State.NOT_NAMED,
        f"{zh}（其公钥来自本包，请另行核对）",
        f"{en} (under a key that the bundle itself brings: compare it)",
    )


def _seen_by(case: Case, key: VerifierKey) -> int | None:
    """When this witness saw the checkpoint, UTC seconds; None: it has no line."""
    if not _has_line(case.note, key):
        return None
    try:
        at_s = notes.verify_cosignature(case.note, key)
    except NoteError as error:
        raise BrokenError(
            _CHECKPOINT,
            f"见证方 {key.name} 的联署不成立（{error}）",
            f"the cosignature of witness {key.name} does not hold ({error})",
        ) from error
    said = Said(f"见证方 {key.name} 的联署", f"witness {key.name} cosigned")
    _check_not_early(case, _CHECKPOINT, at_s * 1000, said)
    return at_s


def _has_line(note: Note, key: VerifierKey) -> bool:
    return any(one.name == key.name and one.key_id == key.id for one in note.signatures)


def _stamp(case: Case) -> tuple[State, str, str]:
    token = case.files.get(_STAMP)
    named = case.named.stamp_roots
    if token is None:
        if named:
            raise BrokenError(
                _STAMP,
                "指定了时间戳机构，但包内没有时间戳",
                "a time stamp authority was named, and there is no time stamp in the bundle",
            )
        return State.NOT_CHECKED, "没有时间戳", "no time stamp"
    roots = named or case.trust.stamp_roots
    if not roots or case.stamp_verifier is None:
        return (
            State.NOT_CHECKED,
            "有时间戳但未核对：缺少时间戳机构的根证书（--tsa 文件）",
            "there is a time stamp, not checked: no root certificate of its authority (--tsa FILE)",
        )
    try:
        at_ms = case.stamp_verifier(token, case.note.text.encode(), roots).at_ms
    except TimestampError as error:
        raise BrokenError(
            _STAMP,
            f"时间戳不成立（{error}）",
            f"the time stamp does not hold: {error}",
        ) from error
    _check_not_early(case, _STAMP, at_ms, Said("时间戳的", "the time stamp was made"))
    case.facts["stamped_ms"] = at_ms
    at = moment(at_ms)
    zh, en = f"时间戳证明检查点不晚于{at.zh}", f"stamped: it existed at {at.en}"
    if named:
        return State.HOLDS, zh, en
    return (
        State.NOT_NAMED,
        f"{zh}（时间戳机构的根证书来自本包，请另行核对）",
        f"{en} (under a root that the bundle itself brings: compare it)",
    )


def _check_not_early(case: Case, record: str, at_ms: int, said: Said) -> None:
    if at_ms + ALLOWANCE_MS < case.newest_ms:
        at, newest = moment(at_ms), moment(case.newest_ms)
        raise BrokenError(
            record,
            f"{said.zh}时间（{at.zh}）早于账本中最新的记录（{newest.zh}）：记录的时间不实",
            f"{said.en} at {at.en}, before the newest entry says it came ({newest.en}): its time is false",
        )
