"""The command `zaigang-verify`: is this evidence bundle what it says it is?

The only module of this package that reads files; what it finds out is `bundle_check`'s.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from cryptography import x509

from zaigang_shared import bundle_check, bundle_root, bundle_words, timestamp
from zaigang_shared.bundle import MAX_ZIP_BYTES
from zaigang_shared.bundle_case import Named, Stamped
from zaigang_shared.errors import BundleError
from zaigang_shared.merkle import HASH_BYTES
from zaigang_shared.note import COSIGNATURE, ED25519, VerifierKey

USAGE: Final = 2
UNREADABLE: Final = 3
_EXIT_CODES: Final = """\
exit codes:
  0  everything holds, under the trust root that was named
  1  a link does not hold: the answer names the first one and the record
  2  the command line, or a file of trust that it names, is not right
  3  no evidence bundle, or damaged so that it cannot be read
  4  holds in itself, but no trust root was named: compare the fingerprint with the one on paper
  5  holds, but comparing it with --against needs --consistency

退出码：
  0  全部成立，且信任根由您指定      1  有环节不成立，会指明第一处及具体记录
  2  命令行或所给的信任文件有误      3  不是证据包，或损坏到无法读取
  4  自身成立，但未指定信任根        5  成立，但与另一证据包比较还需要一致性证明
"""
# A proof between two checkpoints has some dozen lines; a file that is longer is something else.
_MAX_SMALL_BYTES: Final = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one bundle; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show 在岗 gets a ? for it
            stream.reconfigure(errors="replace")
    parser = _parser()
    options = parser.parse_args(arguments)
    language = options.lang or language_of(os.environ)
    try:
        named = _named(options)
        consistency = None if options.consistency is None else _proof(options.consistency)
    except BundleError as error:
        parser.error(str(error))
    try:
        data = _bytes(options.file, MAX_ZIP_BYTES)
        against = None if options.against is None else _bytes(options.against, MAX_ZIP_BYTES)
    except BundleError as error:
        print(f"zaigang-verify: {error}", file=sys.stderr)
        return UNREADABLE
    report = bundle_check.check(
        data,
        named,
        stamp_verifier=verify_stamp,
        against=against,
        consistency=consistency,
    )
    if options.json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
    else:
        print(bundle_words.told(report, language), end="")
    return int(report.answer)


def verify_stamp(token: bytes, data: bytes, roots: Sequence[x509.Certificate]) -> Stamped:
    """Check an RFC 3161 time stamp. Raises TimestampError."""
    return timestamp.verify(token, data, roots)


def language_of(environment: Mapping[str, str]) -> str:
    """Chinese where the terminal is Chinese, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].startswith("zh") else "en"
    return "en"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"zaigang-verify: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="zaigang-verify",
        description="Check an evidence bundle offline, link by link. 离线核对证据包。",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="the bundle (.zip)")
    add("--root", metavar="FINGERPRINT", help="of the trust root, as it stands on paper")
    add("--ca", metavar="FILE", help="instead: the CA's certificate (PEM), with the next two")
    add("--log", metavar="VKEY", help="the ledger's verifier key")
    add("--collector-key", metavar="FILE", help="the collector's receipt key (PEM)")
    add("--witness", metavar="VKEY", action="append", default=[], help="a witness; repeatable")
    add("--witnesses-needed", metavar="N", type=int, help="how many of them; default: each")
    add("--tsa", metavar="FILE", help="root certificates of the time stamp authority (PEM)")
    add("--against", metavar="FILE", help="another bundle: is it of the same ledger?")
    add("--consistency", metavar="FILE", help="proof between the two: one base64 hash a line")
    add("--lang", choices=("zh", "en"), help="of the answer; default: that of the terminal")
    add("--json", action="store_true", help="the answer for programs")
    return parser


def _named(options: argparse.Namespace) -> Named:
    """Whom the reader trusts. Raises BundleError."""
    three = (options.ca, options.log, options.collector_key)
    if any(three) and not all(three):
        raise BundleError("--ca, --log and --collector-key go together, or use --root")
    witnesses = [read_key(text, COSIGNATURE) for text in options.witness]
    needed = options.witnesses_needed
    if needed is not None and not 0 < needed <= len(witnesses):
        raise BundleError(f"--witnesses-needed is 1 to {len(witnesses)}, as many as --witness")
    if options.consistency is not None and options.against is None:
        raise BundleError("--consistency is for --against")
    ca = None if options.ca is None else _small(options.ca)
    key = None if options.collector_key is None else _small(options.collector_key)
    tsa = None if options.tsa is None else _small(options.tsa)
    return Named(
        root=None if options.root is None else bundle_root.parse(options.root),
        ca=None if ca is None else _one(bundle_check.read_certificates(ca), options.ca),
        log=None if options.log is None else read_key(options.log, ED25519),
        collector_key=None if key is None else bundle_check.read_collector_key(key),
        witnesses=witnesses,
        witnesses_needed=needed,
        stamp_roots=() if tsa is None else bundle_check.read_certificates(tsa),
    )


def read_key(text: str, kind: int) -> VerifierKey:
    """A verifier key as given, or the name of a file with one. Raises BundleError."""
    if "+" not in text and Path(text).is_file():
        text = _small(text).decode("utf-8", "replace")
    return bundle_check.read_verifier_key(text, kind)


def _one(found: Sequence[x509.Certificate], name: str) -> x509.Certificate:
    if len(found) != 1:
        raise BundleError(f"{name} has {len(found)} certificates, expected one")
    return found[0]


def _proof(name: str) -> list[bytes]:
    """The hashes of a consistency proof, as witnesses are sent them. Raises BundleError."""
    lines = _small(name).decode("utf-8", "replace").split()
    try:
        hashes = [base64.b64decode(line, validate=True) for line in lines]
    except (binascii.Error, ValueError) as error:
        raise BundleError(f"{name}: expected one base64 hash a line") from error
    if any(len(one) != HASH_BYTES for one in hashes):
        raise BundleError(f"{name}: a hash has {HASH_BYTES} bytes")
    return hashes


def _small(name: str) -> bytes:
    return _bytes(name, _MAX_SMALL_BYTES)


def _bytes(name: str, at_most: int) -> bytes:
    """A file's content. Raises BundleError."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(at_most + 1)
    except (OSError, ValueError) as error:
        raise BundleError(f"{name} cannot be read: {error}") from error
    if len(data) > at_most:
        raise BundleError(f"{name} is longer than {at_most} bytes")
    return data


if __name__ == "__main__":
    sys.exit(main())
