"""Outside witnesses, witnessed ledgers and time stamp authorities, as settings name them."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zaigang_shared import note
from zaigang_shared.errors import NoteError
from zaigang_shared.note import VerifierKey

_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,18})){1,20}")
# Each is asked in its turn. Larger lets a pass take minutes; smaller is less than anybody has.
_MAX_WITNESSES: Final = 20
# A table in the database for each. Larger is another product; smaller refuses a group of companies.
_MAX_LOGS: Final = 100


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """Where a witness is asked, and whose cosignature counts."""

    url: str
    key: VerifierKey


def log_keys(text: str) -> tuple[VerifierKey, ...]:
    """Verifier keys of ledgers, separated by commas or spaces. Raises ValueError."""
    keys = tuple(_key(part, note.ED25519) for part in text.replace(",", " ").split())
    if len(keys) > _MAX_LOGS or len({key.name for key in keys}) < len(keys):
        raise ValueError(f"at most {_MAX_LOGS} ledgers, each once")
    return keys


def witnesses(text: str) -> tuple[WitnessAddress, ...]:
    """`URL=VKEY, URL=VKEY`. Raises ValueError."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        url, _, key = part.rpartition("=")
        if not is_url(url):
            raise ValueError(f"{part!r} is not URL=VKEY with http:// or https://")
        found.append(WitnessAddress(url.rstrip("/"), _key(key, note.COSIGNATURE)))
    if len(found) > _MAX_WITNESSES or len({one.key.name for one in found}) < len(found):
        raise ValueError(f"at most {_MAX_WITNESSES} witnesses, each with a name of its own")
    return tuple(found)


def names_logs(value: object) -> bool:
    """Whether `log_keys` reads it."""
    return _reads(log_keys, value)


def names_witnesses(value: object) -> bool:
    """Whether `witnesses` reads it."""
    return _reads(witnesses, value)


def is_url(text: object) -> bool:
    """Whether it is an address that can be asked: http or https, no user, no fragment."""
    if not isinstance(text, str):
        return False
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and not parts.fragment
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and len(text) <= 500
    )


def is_policy(text: object) -> bool:
    """Whether it is a dotted object identifier."""
    return isinstance(text, str) and _OID.fullmatch(text) is not None


def _reads(parse: Callable[[str], object], value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _key(text: str, signature_type: int) -> VerifierKey:
    try:
        key = note.parse_verifier_key(text)
    except NoteError as error:
        raise ValueError(str(error)) from error
    if key.type != signature_type:
        kinds = {note.ED25519: "a ledger's key", note.COSIGNATURE: "a witness's key"}
        raise ValueError(f"{key.name} is {kinds[key.type]}, expected {kinds[signature_type]}")
    if len(key.name) > 200:
        raise ValueError("a name has at most 200 characters")
    return key
