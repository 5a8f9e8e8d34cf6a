"""Whether an evidence bundle holds: numbered steps from the file to the assessment. Pure.

Bytes and the reader's own trust in, a Report out. Needs no network, no configuration and no clock.

The steps, and the attack that each exists for. Those marked "reader" nobody can do for them.

 0. Reader: have the root fingerprint from elsewhere than the bundle, best on paper. Otherwise a
    forger makes everything below with keys of their own.
 1. shape: one plain zip within limits, with a manifest that reads one way only. (Zip bombs, files
    outside a folder, two files of one name, of which each program sees another.)
 2. files: the manifest hashes every file, none is missing, none is extra. (Damage on the way; a
    forger hashes anew, so this proves nothing more.)
 3. root: the three keys of the collector are those that the reader named. (A second collector.)
 4. certificates: each device's is issued by the CA for this device. (A device that never enrolled,
    or a key put in the place of another.)
 5. envelopes: each is signed by its device, valid then, and lies where its number says. (A reading
    edited; envelopes of two people or two minutes exchanged.)
 6. chains: each envelope names the one before. (Envelopes left out unsaid; a device that rewinds.)
 7. receipts: the collector's; no envelope came before the receipt that it quotes. (A receipt of
    another device or place; envelopes made up before or after their time.)
 8. checkpoint: signed by the log. (A ledger made up afterwards.) Before the entries, or a forged
    checkpoint would be blamed on the first innocent entry.
 9. entries: leaf, body and proof of each lead to the checkpoint's root. (A clock-in back-dated or
    edited in the database; the proof of another leaf.)
10. anchors: witnesses and a time stamp saw this checkpoint. (A ledger that was written anew as a
    whole, by whoever holds the log's key.)
11. complete: everything that is shown was entered. (Evidence that was slipped in beside the ledger.)
12. assessment: what it names is here, and its claim is what was clocked in. (A verdict that rests
    on something else than what is shown.)
13. once: no index and no envelope twice, times go forward. (Two histories in one bundle.)
14. same_ledger: on demand, another bundle's checkpoint is of the same history. (A fork shown to one
    viewer.)
15. Reader: `zaigang-collector recheck` computes the verdict again from the readings. Whether what
    the readings say is what happened, no signature can tell.

The first step that does not hold ends the check: what comes behind it would rest on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from zaigang_shared import (
    bundle,
    bundle_assessment,
    bundle_chain,
    bundle_ledger,
    bundle_readme,
    bundle_root,
)
from zaigang_shared import note as notes
from zaigang_shared.bundle import Subject, Trust
from zaigang_shared.bundle_case import Case, Named, StampVerifier, read_items
from zaigang_shared.bundle_report import BrokenError, Link, Report, Said, State
from zaigang_shared.errors import BundleError, NoteError
from zaigang_shared.note import COSIGNATURE, ED25519, VerifierKey

_MANIFEST: Final = frozenset({"v", "format", "made_ms", "subject", "purpose", "origin", "files"})
_SUBJECT: Final = {
    "assessment": str,
    "version": int,
    "employee": str,
    "site": str,
    "start_ms": int,
    "end_ms": int,
}
_WHAT: Final = {
    "shape": Said("文件完整，格式正确", "The file is whole and a bundle"),
    "files": Said("清单涵盖包内每个文件", "The manifest covers every file"),
    "root": Said("信任根是您指定的", "The trust root is the one that you named"),
    "certificates": Said("设备证书由证书机构签发", "Device certificates are the authority's"),
    "envelopes": Said("签名封包由设备签署且未被改动", "Envelopes are signed and unchanged"),
    "chains": Said("封包首尾相接", "Envelopes follow one another"),
    "receipts": Said("回执有效，时间夹证成立", "Receipts hold and bound the times"),
    "checkpoint": Said("账本检查点由账本密钥签署", "The checkpoint is signed by the ledger's key"),
    "entries": Said("每条记录都在存证账本中", "Every record is in the ledger"),
    "anchors": Said("外部见证与时间戳", "Outside witnesses and time stamp"),
    "complete": Said("出示的材料全部入过账", "All that is shown was entered"),
    "assessment": Said("核验结论以包内材料为据", "The assessment rests on what is here"),
    "once": Said("没有重复，时间依次向前", "Nothing twice, and times go forward"),
    "same_ledger": Said("与另一证据包出自同一账本", "The other bundle is of the same ledger"),
}
_PEM: Final = Encoding.PEM
_SPKI: Final = PublicFormat.SubjectPublicKeyInfo
_Step = Callable[[Case], "Said | tuple[State, Said]"]


def check(
    data: bytes,
    named: Named | None = None,
    *,
    stamp_verifier: StampVerifier | None = None,
    against: bytes | None = None,
    consistency: Sequence[bytes] | None = None,
) -> Report:
    """All steps over the bytes of a bundle.

    `against` is another bundle of the same log, `consistency` the server's proof between the two
    checkpoints. Lets nothing out: whatever the bytes are, the report says what is wrong.
    """
    steps: dict[str, _Step] = dict(_STEPS)
    if against is not None:
        proof = None if consistency is None else list(consistency)
        steps["same_ledger"] = lambda case: _same_ledger(case, against, proof)
    case = Case({}, named or Named(), stamp_verifier)
    links = _run(case, data, steps)
    return Report(tuple(links), tuple(case.notes), case.fingerprint, case.facts)


def opened(data: bytes) -> Case:
    """A bundle that holds in itself, read, for whoever goes on with it. Raises BundleError that names
    the first link that does not hold."""
    case = Case({}, Named(), None)
    for link in _run(case, data, _STEPS):
        if link.state is State.BROKEN:
            raise BundleError(f"{link.what.en} does not hold: {link.record}: {link.detail.en}")
    return case


def _run(case: Case, data: bytes, steps: Mapping[str, _Step]) -> list[Link]:
    links: list[Link] = []
    failed = False
    for number, name in enumerate(["shape", *steps], 1):
        what = _WHAT[name]
        if failed:
            links.append(Link(number, name, what, State.NOT_CHECKED, Said("", "")))
            continue
        try:
            found = _shape(case, data) if name == "shape" else steps[name](case)
        except BrokenError as error:
            failed = True
            links.append(Link(number, name, what, State.BROKEN, error.said, error.record))
        except Exception as error:  # noqa: BLE001  # whatever a stranger made up, it does not hold
            failed = True
            odd = Said(
                f"内容不合格式，无法核对（{type(error).__name__}）",
                f"made up in a way that cannot be checked ({type(error).__name__})",
            )
            links.append(Link(number, name, what, State.BROKEN, odd, name))
        else:
            state, detail = (State.HOLDS, found) if isinstance(found, Said) else found
            links.append(Link(number, name, what, state, detail))
    return links


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """One or more certificates in PEM. Raises BundleError."""
    try:
        return x509.load_pem_x509_certificates(data)
    except bundle_chain.ODD_CERTIFICATE as error:
        raise BundleError(f"no certificate in PEM: {error}") from error


def read_collector_key(data: bytes) -> Ed25519PublicKey:
    """The receipt key, SubjectPublicKeyInfo in PEM. Raises BundleError."""
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"no public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError("the collector's key is not an Ed25519 key")
    return key


def read_verifier_key(text: str, kind: int) -> VerifierKey:
    """A key of a log (ED25519) or of a witness (COSIGNATURE). Raises BundleError."""
    try:
        key = notes.parse_verifier_key(text)
    except NoteError as error:
        raise BundleError(str(error)) from error
    if key.type != kind:
        wanted = "a witness's" if kind == COSIGNATURE else "a log's"
        raise BundleError(f"verifier key {key.name} has type {key.type}, which is not {wanted}")
    return key


def _shape(case: Case, data: bytes) -> Said:
    """1: one plain zip, within limits, with one reading of its manifest."""
    try:
        case.files = bundle.read(data)
        case.manifest = _manifest(case.files["manifest.json"])
    except BundleError as error:
        raise BrokenError("zip", f"不是可以读取的证据包（{error}）", str(error)) from error
    case.facts |= {
        "subject": asdict(Subject(**case.manifest["subject"])),
        "purpose": case.manifest["purpose"],
        "made_ms": case.manifest["made_ms"],
    }
    count = len(case.files)
    return Said(f"共 {count} 个文件", f"{count} files")


def _manifest(data: bytes) -> Mapping[str, Any]:
    found = bundle.canonical_loads(data, "manifest.json")
    if type(found) is not dict or found.keys() != _MANIFEST:
        raise BundleError(f"manifest.json is a map of {sorted(_MANIFEST)}")
    if found["format"] != bundle.FORMAT or found["v"] != bundle.VERSION:
        raise BundleError(f"expected {bundle.FORMAT} version {bundle.VERSION}; a newer program?")
    subject, files = found["subject"], found["files"]
    if type(subject) is not dict or {k: type(v) for k, v in subject.items()} != _SUBJECT:
        raise BundleError(f"the subject in manifest.json has the fields {sorted(_SUBJECT)}")
    if type(files) is not dict or not all(type(one) is str for one in files.values()):
        raise BundleError("files in manifest.json is a map of names and hashes")
    kinds = {"made_ms": int, "purpose": str, "origin": str}
    if any(type(found[name]) is not kind for name, kind in kinds.items()):
        raise BundleError("made_ms in manifest.json is a number, purpose and origin are text")
    return found


def _files(case: Case) -> Said:
    """2: the manifest hashes every file, none is missing, none is extra."""
    told: Mapping[str, str] = case.manifest["files"]
    for name in sorted(told.keys() | (case.files.keys() - {"manifest.json"})):
        if name not in case.files:
            raise BrokenError(name, "清单中的文件不在包内", "is in the manifest and not in the zip")
        if name not in told:
            raise BrokenError(name, "文件不在清单中", "is in the zip and not in the manifest")
        if hashlib.sha256(case.files[name]).hexdigest() != told[name]:
            raise BrokenError(
                name,
                "文件内容与清单中的哈希值不符：文件损坏或被改动",
                "does not have the hash in the manifest: damaged or changed",
            )
    case.items = read_items(case.files["entries.json"])
    return Said(f"{len(told)} 个文件的哈希值全部相符", f"the hashes of all {len(told)} files fit")


def _root(case: Case) -> tuple[State, Said]:
    """3: the collector's keys are those that the reader named."""
    trust = case.trust = _trust(case.files)
    own = case.fingerprint = bundle_root.fingerprint(trust.ca, trust.log, trust.collector_key)
    for name in ("README.zh.txt", "README.en.txt"):
        if own.replace(" ", "").encode() not in case.files[name].replace(b" ", b"").replace(
            b"\n", b""
        ):
            raise BrokenError(
                name,
                "说明文件中的信任根指纹不是本包密钥的指纹",
                "shows another root fingerprint than that of the keys in this bundle",
            )
    for name, text in bundle_readme.texts(own).items():
        if case.files[name] != text:  # of another version, or written by somebody
            case.notes.append(
                Said(
                    f"{name} 的文字不是本程序的原文，未经核对，只能当作制作者的话",
                    f"{name} is not this program's text: unchecked, the words of who made it",
                )
            )
    named = case.named
    pinned = (
        ("trust/ca.pem", named.ca, trust.ca),
        ("trust/log.vkey", named.log, trust.log),
        ("trust/collector.pem", named.collector_key, trust.collector_key),
    )
    for path, wanted, found in pinned:
        if wanted is not None and wanted != found:
            raise BrokenError(
                path, "不是您指定的密钥", "is another key than the one that you named"
            )
    if named.root is not None and named.root != own:
        raise BrokenError(
            "trust/",
            f"信任根指纹是 {own}，不是您指定的 {named.root}：本包出自另一个收集端，或系伪造",
            f"its root fingerprint is {own}, not {named.root} as you named: of another collector, or "
            "forged",
        )
    if named.has_root:
        return State.HOLDS, Said("与您指定的信任根一致", "it is")
    return State.NOT_NAMED, Said(
        "未指定信任根：请把下面的指纹与纸面上的逐组比对",
        "you named none: compare the fingerprint below with the one on paper",
    )


def _trust(files: Mapping[str, bytes]) -> Trust:
    path = "trust/ca.pem"
    try:
        authorities = _plain_certificates(files[path])
        if len(authorities) != 1 or not _is_authority(authorities[0]):
            raise BundleError("expected one certificate, of a certificate authority")
        path = "trust/log.vkey"
        log = _keys(files[path], ED25519)
        if len(log) != 1:
            raise BundleError("expected one verifier key")
        path = "trust/collector.pem"
        collector_key = read_collector_key(files[path])
        _plain(files[path], [collector_key.public_bytes(_PEM, _SPKI)])
        path = "trust/witnesses.vkey"
        witnesses = _keys(files.get(path, b""), COSIGNATURE)
        path = "trust/tsa.pem"
        roots = _plain_certificates(files[path]) if path in files else []
    except BundleError as error:
        raise BrokenError(path, f"无法读取（{error}）", str(error)) from error
    return Trust(authorities[0], log[0], collector_key, witnesses, roots)


def _plain_certificates(data: bytes) -> list[x509.Certificate]:
    found = read_certificates(data)
    _plain(data, [one.public_bytes(_PEM) for one in found])
    return found


def _plain(data: bytes, again: Sequence[bytes]) -> None:
    try:
        bundle_chain.check_plain_pem(data, again)
    except ValueError as error:
        raise BundleError(str(error)) from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        _ = certificate.public_key()
    except bundle_chain.ODD_CERTIFICATE:
        return False
    return found.value.ca


def _keys(data: bytes, kind: int) -> list[VerifierKey]:
    """One key a line, each line as keys are written: what else it says would be in no fingerprint."""
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise BundleError("verifier keys are lines of ASCII") from error
    keys = [read_verifier_key(line, kind) for line in lines]
    if "".join(f"{key}\n" for key in keys).encode() != data:
        raise BundleError("verifier keys are lines without spaces")
    return keys


def _same_ledger(case: Case, data: bytes, proof: list[bytes] | None) -> tuple[State, Said]:
    """14: another bundle's checkpoint is of the same history."""
    try:
        other = bundle.read(data)
    except BundleError as error:
        raise BrokenError(
            "--against", f"不是可以读取的证据包（{error}）", f"the other file: {error}"
        ) from error
    return bundle_ledger.same_ledger(case, other["checkpoint.txt"], proof)


_STEPS: Final[Mapping[str, _Step]] = {
    "files": _files,  # 2
    "root": _root,  # 3
    "certificates": bundle_chain.certificates,  # 4
    "envelopes": bundle_chain.envelopes,  # 5
    "chains": bundle_chain.chains,  # 6
    "receipts": bundle_chain.receipts,  # 7
    "checkpoint": bundle_ledger.checkpoint,  # 8
    "entries": bundle_ledger.entries,  # 9
    "anchors": bundle_ledger.anchors,  # 10
    "complete": bundle_ledger.complete,  # 11
    "assessment": bundle_assessment.links,  # 12
    "once": bundle_ledger.once,  # 13
}
