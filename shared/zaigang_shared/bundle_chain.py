"""Steps 4 to 7 of checking a bundle: certificates, envelopes, chains, receipts. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from zaigang_shared import bundle, bundle_assessment, cose, envelope, receipt
from zaigang_shared.bundle_case import ALLOWANCE_MS, Case, moment
from zaigang_shared.bundle_report import BrokenError, Said, some
from zaigang_shared.envelope import Envelope
from zaigang_shared.errors import WireError
from zaigang_shared.ledger_entry import EntryType
from zaigang_shared.receipt import Receipt

_DEVICE_URI: Final = "zaigang:device:"
# What cryptography raises for a certificate that it cannot make sense of. Its warnings are errors
# where somebody has made them so.
ODD_CERTIFICATE: Final = (
    *(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, Warning),
    *(x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


def certificates(case: Case) -> Said:
    """4: each device certificate is issued by the CA, for this device and one good key."""
    ca = case.trust.ca
    for path, data in case.under("devices/").items():
        device_id = path.removeprefix("devices/").removesuffix(".pem")
        try:
            found = x509.load_pem_x509_certificates(data)
            check_plain_pem(data, [one.public_bytes(Encoding.PEM) for one in found])
            keys = {_device_key(one, device_id, ca) for one in found}
        except WireError as error:
            raise _bad_certificate(path, error.detail) from error
        except InvalidSignature as error:
            raise BrokenError(
                path,
                f"设备 {device_id} 的证书不是由本证书机构签发的：证书可能被替换",
                f"a certificate of device {device_id} was not issued by this authority: replaced?",
            ) from error
        except ODD_CERTIFICATE as error:
            raise _bad_certificate(path, str(error)) from error
        if len(keys) != 1:
            raise BrokenError(
                path,
                f"设备 {device_id} 的各张证书不是同一个公钥：证书可能被替换",
                f"the certificates of device {device_id} are of {len(keys)} different keys: replaced?",
            )
        case.certificates[device_id] = found
        case.keys[device_id] = cose.load_public_key(keys.pop())
    count = len(case.certificates)
    return Said(
        f"{count} 台设备的证书均由该证书机构签发", f"the authority issued those of {count} devices"
    )


def envelopes(case: Case) -> Said:
    """5: each envelope is signed by the device that it names, and lies where it belongs."""
    known = case.known(EntryType.ENVELOPE)
    for path, data in case.under("envelopes/").items():
        device_id = path.split("/")[1]
        key = case.keys.get(device_id)
        if key is None:
            raise BrokenError(
                path,
                f"包内没有设备 {device_id} 的证书",
                f"there is no certificate of device {device_id}",
            )
        opened = _opened(path, data, key)
        seal = opened.seal
        right = bundle.envelope_path(seal.device_id, seal.seq)
        if right != path:
            raise BrokenError(
                path,
                f"此处存放的是设备 {seal.device_id} 的第 {seal.seq} 个封包：封包被调换",
                f"holds envelope {seal.seq} of device {seal.device_id}, which belongs at {right}: "
                "exchanged",
            )
        entry = known.get(opened.digest)
        if entry is not None and entry.leaf is not None:
            _check_valid_then(case, path, device_id, entry.leaf.at_ms)
        case.chains.setdefault(device_id, {})[seal.seq] = opened
    count = sum(map(len, case.chains.values()))
    case.facts["envelopes"] = count
    return Said(
        f"{count} 个签名封包的签名全部有效，编号与所在位置一致",
        f"the signatures of all {count} envelopes hold, each lies where its number says",
    )


def chains(case: Case) -> Said:
    """6: each envelope names the one before it; what is missing is told."""
    excused = bundle_assessment.doubted_envelopes(case)
    links = 0
    for device_id, chain in case.chains.items():
        numbers = sorted(chain)
        holes = []
        for before, after in itertools.pairwise(numbers):
            if after != before + 1:
                holes.append(f"{before + 1}–{after - 1}" if after > before + 2 else f"{before + 1}")
                continue
            links += 1
            if chain[after].seal.prev != chain[before].digest:
                _told_or_broken(case, chain[after], excused)
        if holes:
            case.notes.append(
                Said(
                    f"设备 {device_id} 的封包链中，包内缺少第 {some(holes)} 号封包；"
                    "这些封包可能与本时段无关、尚未送达或已依法删除，缺失不得作为对员工不利的依据",
                    f"of device {device_id} the bundle lacks envelopes {some(holes)}: of no concern "
                    "here, not delivered, or deleted as the law asks; never held against the employee",
                )
            )
    return Said(f"相邻封包的 {links} 处链接全部吻合", f"all {links} links between neighbours fit")


def receipts(case: Case) -> Said:
    """7: receipts are the collector's, and no envelope is older than the receipt it quotes."""
    for path, data in case.under("receipts/").items():
        given = _receipt(case, path, data)
        case.receipts[envelope.digest(data)] = given
        acknowledged = case.chains.get(given.device_id, {}).get(given.through)
        if acknowledged is not None and acknowledged.digest != given.head:
            raise BrokenError(
                path,
                f"回执确认的第 {given.through} 个封包与包内的不是同一个：封包被换过",
                f"the receipt acknowledges another envelope {given.through} than the one in the "
                "bundle: exchanged after it was acknowledged",
            )
    bracketed = open_below = 0
    known = case.known(EntryType.ENVELOPE)
    for chain in case.chains.values():
        for one in chain.values():
            quoted = case.receipts.get(one.seal.rcpt) if one.seal.rcpt is not None else None
            if quoted is None:
                open_below += 1
                continue
            entry = known.get(one.digest)
            arrived_ms = None if entry is None or entry.leaf is None else entry.leaf.at_ms
            _check_quoted(one, quoted, arrived_ms)
            bracketed += 1
    if open_below:
        case.notes.append(
            Said(
                f"{open_below} 个封包没有引用回执，或所引回执不在包内：它们最早何时生成无法证明，"
                "只能证明不晚于送达时间",
                f"{open_below} envelopes quote no receipt, or one that is not in the bundle: how early "
                "they were made cannot be shown, only that it was before they arrived",
            )
        )
    return Said(
        f"{len(case.receipts)} 份回执有效；{bracketed} 个封包的生成时间由所引回执与送达时间前后夹证",
        f"{len(case.receipts)} receipts hold; {bracketed} envelopes were made between the receipt "
        "that they quote and their arrival",
    )


def check_plain_pem(data: bytes, again: Sequence[bytes]) -> None:
    """Raise ValueError for words between the PEM blocks, and for other ways to write them: two
    programs might read two things, and nobody has signed the words."""
    if b"".join(again) != data:
        raise ValueError("there is something else in the file, or it is written in another way")


def _device_key(
    certificate: x509.Certificate, device_id: str, authority: x509.Certificate
) -> bytes:
    """The raw key of a certificate that holds. Raises what `certificates` expects."""
    certificate.verify_directly_issued_by(authority)
    issued = certificate.not_valid_before_utc
    if not authority.not_valid_before_utc <= issued <= authority.not_valid_after_utc:
        raise ValueError("issued when the authority's own certificate was not valid")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if uris != [_DEVICE_URI + device_id]:
        raise ValueError(f"it is for {some(uris) or 'nobody'}, expected {_DEVICE_URI}{device_id}")
    public_key = certificate.public_key()
    if not isinstance(public_key, Ed25519PublicKey):
        raise ValueError("its key is not an Ed25519 key")
    raw = public_key.public_bytes_raw()
    cose.load_public_key(raw)
    return raw


def _bad_certificate(path: str, why: str) -> BrokenError:
    return BrokenError(
        path, f"设备证书不符合要求（{why}）", f"no certificate of this device: {why}"
    )


def _opened(path: str, data: bytes, key: Ed25519PublicKey) -> Envelope:
    try:
        return envelope.open_sealed(data, key)
    except WireError as error:
        raise BrokenError(
            path,
            f"签名封包不成立，内容在签名之后被改动，或不是该设备所签（{error.detail}）",
            f"the envelope does not hold: changed after it was signed, or not signed by this "
            f"device ({error.detail})",
        ) from error


def _check_valid_then(case: Case, path: str, device_id: str, at_ms: int) -> None:
    """Some certificate of the device was valid at the entry's time; that it has expired since is
    no fault of old evidence."""
    if not any(
        _ms(one.not_valid_before_utc) <= at_ms <= _ms(one.not_valid_after_utc)
        for one in case.certificates[device_id]
    ):
        at = moment(at_ms)
        raise BrokenError(
            path,
            f"封包于{at.zh} 入账，当时设备 {device_id} 没有有效证书",
            f"entered at {at.en}, when no certificate of device {device_id} was valid",
        )


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _told_or_broken(case: Case, later: Envelope, excused: frozenset[bytes]) -> None:
    seal = later.seal
    if later.digest not in excused:
        raise BrokenError(
            bundle.envelope_path(seal.device_id, seal.seq),
            f"设备 {seal.device_id} 的第 {seal.seq} 个封包所指的前一封包不是包内的第 {seal.seq - 1} 个："
            "封包被换过，或设备自己改写了历史，而核验结论没有提及",
            f"envelope {seal.seq} of device {seal.device_id} does not follow envelope {seal.seq - 1} "
            "in the bundle: exchanged, or the device went back, and the assessment does not say so",
        )
    case.notes.append(
        Said(
            f"设备 {seal.device_id} 自第 {seal.seq} 个封包起没有接续前一封包；核验结论已在完整性信号中说明",
            f"device {seal.device_id} did not go on from its own chain at envelope {seal.seq}; the "
            "assessment says so among its integrity findings",
        )
    )


def _receipt(case: Case, path: str, data: bytes) -> Receipt:
    try:
        given = receipt.open_receipt(data, case.trust.collector_key)
    except WireError as error:
        raise BrokenError(
            path,
            f"回执不是由本收集端的密钥签署，或已被改动（{error.detail}）",
            f"the receipt is not signed by this collector's key, or was changed ({error.detail})",
        ) from error
    right = bundle.receipt_path(given.device_id, given.through, envelope.digest(data))
    if right != path:
        raise BrokenError(
            path,
            f"此处存放的是设备 {given.device_id} 的回执：回执被挪用",
            f"is a receipt for device {given.device_id}, which belongs at {right}: replayed",
        )
    return given


def _check_quoted(one: Envelope, quoted: Receipt, arrived_ms: int | None) -> None:
    seal = one.seal
    path = bundle.envelope_path(seal.device_id, seal.seq)
    if quoted.device_id != seal.device_id or quoted.through >= seal.seq:
        raise BrokenError(
            path,
            f"封包引用的回执属于设备 {quoted.device_id} 的第 {quoted.through} 个封包，不可能在它之前收到",
            f"quotes a receipt of device {quoted.device_id} for envelope {quoted.through}, which it "
            "cannot have held before",
        )
    if arrived_ms is not None and arrived_ms + ALLOWANCE_MS < quoted.at_ms:
        arrived, since = moment(arrived_ms), moment(quoted.at_ms)
        raise BrokenError(
            path,
            f"封包的入账时间（{arrived.zh}）早于它所引用的回执（{since.zh}）：时间被倒填",
            f"entered at {arrived.en}, before the receipt that it quotes was given ({since.en}): "
            "back-dated",
        )
