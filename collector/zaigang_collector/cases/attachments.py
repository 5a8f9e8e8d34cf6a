"""Files of a case: encrypted under the person's key, found again by hash and by likeness.

A likeness is a question for whoever reviews, never an answer: two photographs of one door look
alike. What a file says of its own time and place can have been edited, and is told as such.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.cases import service, store
from zaigang_collector.cases.errors import AttachmentError
from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.cases.inspecting import Inspected
from zaigang_collector.cases.model import Action, Actor, Given
from zaigang_collector.cases.service import Acted, Desk
from zaigang_collector.cases.tables import ATTACHMENT
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.matching.model import Text
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor

# Of 64 bits. Larger finds any two scans of one form alike; smaller misses the picture that a messenger
# made smaller. Of 120 drawn pictures a smaller, harder packed copy differed in 0 to 5, another in 14.
ALIKE_BITS: Final = 6
# Larger lets one case fill the disk (10 MiB each); smaller refuses a month of daily proof.
MOST: Final = 60
_NAME_MAX: Final = 120
_TOO_MANY: Final = Text(
    "一个案件最多 {most} 个附件。请把几页合成一个 PDF。",
    "A case takes {most} files at most. Put several pages into one PDF.",
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file, without its contents."""

    id: str
    case_id: str
    at_ms: int
    kind: FileKind
    size: int
    sha256: bytes
    name: str
    """As whoever handed it in called it."""
    by: str
    role: str
    scanned: bool
    taken: str | None
    """When it was made, as it says itself."""
    place: tuple[float, float] | None
    """Where, as it says itself: degrees."""
    size_told: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A file that was handed in before, here or in another case."""

    attachment_id: str
    case_id: str
    is_same: bool
    """Byte for byte; else it only looks alike."""


@dataclass(frozen=True, slots=True)
class Attached:
    """What came of handing in a file."""

    acted: Acted
    attachment_id: str | None
    """None: it was refused."""


def attach(
    conn: Connection,
    desk: Desk,
    case_id: str,
    file: Inspected,
    name: str,
    actor: Actor,
    now_ms: int,
) -> Attached:
    """Add a file to a case; the same again in the same case is the same. Raises UnknownIdError,
    and AttachmentError when there are too many."""
    case = store.load(conn, desk.vault, case_id, lock=True)
    digest = hashlib.sha256(file.data).digest()
    known = conn.execute(
        sa.select(ATTACHMENT.c.id).where(
            ATTACHMENT.c.case_id == case_id, ATTACHMENT.c.sha256 == digest
        )
    ).scalar_one_or_none()
    if known is not None:
        return Attached(Acted(case), known)
    if len(case.standing.attachments) >= MOST:
        raise AttachmentError(Text(_TOO_MANY.zh.format(most=MOST), _TOO_MANY.en.format(most=MOST)))
    new_id = store.new_id("at-", desk.randomness)
    _insert(conn, desk, case.standing.employee_id, case_id, new_id, file, name, actor, now_ms)
    given = Given(attachments=(new_id,))
    acted = service.act(conn, desk, case_id, Action.ATTACH, actor, given, now_ms)
    if acted.refused is not None:
        conn.execute(sa.delete(ATTACHMENT).where(ATTACHMENT.c.id == new_id))
        return Attached(acted, None)
    return Attached(acted, new_id)


def list_of(conn: Connection, vault: Vault, case_id: str) -> tuple[Attachment, ...]:
    """All files of a case, in the order in which they came; forgotten ones are not among them."""
    query = sa.select(*_COLUMNS).where(ATTACHMENT.c.case_id == case_id)
    rows = conn.execute(query.order_by(ATTACHMENT.c.at_ms, ATTACHMENT.c.id)).all()
    opened = vault.open_many(conn, [(row.about, about_context(row.id)) for row in rows])
    return tuple(
        _attachment(row, about)
        for row, about in zip(rows, opened, strict=True)
        if about is not None
    )


def content(
    conn: Connection, vault: Vault, case_id: str, attachment_id: str
) -> tuple[Attachment, bytes]:
    """A file with its bytes. Raises UnknownIdError, ForgottenError."""
    query = sa.select(ATTACHMENT).where(
        ATTACHMENT.c.case_id == case_id, ATTACHMENT.c.id == attachment_id
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        raise UnknownIdError("attachment", attachment_id)
    about = vault.open(conn, row.about, about_context(row.id))
    return _attachment(row, about), vault.open(conn, row.body, body_context(row.id))


def seen_before(conn: Connection, attachment_id: str) -> tuple[Seen, ...]:
    """Where the same file, or a picture that looks like it, was handed in as well. For HR alone:
    the other case may be about somebody else."""
    here = conn.execute(
        sa.select(ATTACHMENT.c.sha256, ATTACHMENT.c.looks_like).where(
            ATTACHMENT.c.id == attachment_id
        )
    ).one_or_none()
    if here is None:
        raise UnknownIdError("attachment", attachment_id)
    others = conn.execute(
        sa.select(
            ATTACHMENT.c.id,
            ATTACHMENT.c.case_id,
            ATTACHMENT.c.sha256,
            ATTACHMENT.c.looks_like,
        )
        .where(
            ATTACHMENT.c.id != attachment_id,
            sa.or_(
                ATTACHMENT.c.sha256 == here.sha256,
                ATTACHMENT.c.looks_like.is_not(None),
            ),
        )
        .order_by(ATTACHMENT.c.at_ms, ATTACHMENT.c.id)
    )
    return tuple(
        Seen(row.id, row.case_id, row.sha256 == here.sha256)
        for row in others
        if row.sha256 == here.sha256 or is_alike(here.looks_like, row.looks_like)
    )


def is_alike(one: bytes | None, other: bytes | None) -> bool:
    """Whether two difference hashes are of pictures that look alike."""
    if one is None or other is None:
        return False
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count() <= ALIKE_BITS


def about_context(attachment_id: str) -> bytes:
    """The place for which what is said of a file is sealed."""
    return f"case-about/{attachment_id}".encode()


def body_context(attachment_id: str) -> bytes:
    """The place for which a file is sealed."""
    return f"case-file/{attachment_id}".encode()


def _insert(
    conn: Connection,
    desk: Desk,
    employee_id: str,
    case_id: str,
    new_id: str,
    file: Inspected,
    name: str,
    actor: Actor,
    now_ms: int,
) -> None:
    about = cbor.dumps(
        {
            "v": 1,
            "name": _called(name),
            "by": actor.id,
            "role": actor.role.value,
            "scanned": file.scanned,
            "taken": file.taken,
            "place": file.place and list(file.place),
            "size_told": file.size_told,
        }
    )
    subject = person(employee_id)
    sealed_about, sealed_body = desk.vault.seal_many(
        conn,
        [
            ToSeal(subject, about, about_context(new_id)),
            ToSeal(subject, file.data, body_context(new_id)),
        ],
        now_ms,
    )
    conn.execute(
        sa.insert(ATTACHMENT).values(
            id=new_id,
            case_id=case_id,
            employee_id=employee_id,
            at_ms=now_ms,
            kind=file.kind.value,
            size=len(file.data),
            sha256=hashlib.sha256(file.data).digest(),
            looks_like=file.looks_like,
            about=sealed_about,
            body=sealed_body,
        )
    )


def _called(name: str) -> str:
    """A file's name without its folders, and without what moves a cursor."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable())[:_NAME_MAX]


_COLUMNS: Final = tuple(column for column in ATTACHMENT.c if column.name != "body")


def _attachment(row: Row[Any], about: bytes) -> Attachment:
    said: Any = cbor.loads(about, "attachment")
    place = said["place"]
    return Attachment(
        row.id,
        row.case_id,
        row.at_ms,
        FileKind(row.kind),
        row.size,
        bytes(row.sha256),
        said["name"],
        said["by"],
        said["role"],
        said["scanned"],
        said["taken"],
        None if place is None else (place[0], place[1]),
        said["size_told"],
    )
