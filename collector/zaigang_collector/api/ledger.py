"""The ledger for those outside: checkpoint and tiles as C2SP tlog-tiles, for anybody who follows it.

Tiles are hashes of salted hashes and tell nothing, so they need no token. Entries tell what was
known when, and their hashes could be tried against guesses: auditors only.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Given, Reads, needs
from zaigang_collector.api.problems import ProblemError, responses
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ledger import service
from zaigang_collector.ledger.tree import WIDTH
from zaigang_shared.ledger_entry import LeafData

log = APIRouter(prefix="/log", tags=["ledger"])
router = APIRouter(prefix="/ledger", tags=["ledger"])

# `067`, `x001/x234/067`, each perhaps with `.p/<width>`: groups of three digits (tlog-tiles).
_TILE: Final = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
# 64 ** 8 hashes and more is nobody's ledger.
_MAX_LEVEL: Final = 7
_FULL_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}


class LedgerOut(BaseModel):
    """What the ledger is now."""

    origin: str = Field(description="The ledger's name.")
    verifier_key: str = Field(description="C2SP vkey that checks its checkpoints.")
    size: int = Field(description="Entries in the tree.")
    root: str = Field(description="Root of the tree, hex.")
    signed: datetime = Field(description="When the newest checkpoint was signed.")
    waiting: int = Field(description="Entries that have no place yet.")
    warnings: list[str] = Field(
        description="What speaks against this database as a whole: devices that were given receipts "
        "which it does not know."
    )


@log.get("/checkpoint", response_class=PlainTextResponse, responses=responses(404))
def checkpoint(conn: Reads) -> Response:
    """The newest checkpoint: a signed note of name, size and root."""
    return Response(
        _newest(conn).note,
        media_type="text/plain; charset=utf-8",
        headers={"cache-control": "no-store"},
    )


@log.get(
    "/tile/entries/{n:path}",
    dependencies=[Depends(needs(Scope.READ_LEDGER))],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(401, 403, 404, 410)},
)
def entries(n: str, conn: Reads) -> Response:
    """A bundle of up to 256 entries, each with its length as two bytes before it."""
    tile, width = _parsed(n)
    found = service.sequenced(conn, tile * WIDTH, width)
    if len(found) < width:
        raise ProblemError(404, "The ledger does not have that many entries.")
    parts = []
    for one in found:
        if one.body_hash is None or one.salt is None:
            raise ProblemError(410, f"Entry {one.index} is of somebody who was forgotten.")
        data = LeafData(one.type, one.at_ms, one.body_hash, one.salt).encode()
        parts.append(len(data).to_bytes(2, "big") + data)
    return Response(b"".join(parts), media_type="application/octet-stream")


@log.get(
    "/tile/{level}/{n:path}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(404, 422)},
)
def tile(level: int, n: str, conn: Reads) -> Response:
    """Up to 256 hashes of one level of the tree, joined."""
    number, width = _parsed(n)
    if not 0 <= level <= _MAX_LEVEL:
        raise ProblemError(404, f"Levels are from 0 to {_MAX_LEVEL}.")
    hashes = service.tile(conn, level, number, width)
    if hashes is None:
        raise ProblemError(404, "The ledger does not have that many hashes there.")
    return Response(hashes, media_type="application/octet-stream", headers=_FULL_FOR_EVER)


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_LEDGER))],
    responses=responses(401, 403, 404),
)
def status(given: Given, conn: Reads) -> LedgerOut:
    """Name, key, size and root."""
    newest = _newest(conn)
    return LedgerOut(
        origin=given.ledger_key.name,
        verifier_key=str(given.ledger_key),
        size=newest.size,
        root=newest.root.hex(),
        signed=values.utc(newest.at_ms),
        waiting=service.waiting(conn),
        warnings=list(ingest.warnings(conn)),
    )


def _newest(conn: Reads) -> service.StoredCheckpoint:
    newest = service.newest_checkpoint(conn)
    if newest is None:
        raise ProblemError(404, "There is no ledger yet: run `zaigang-collector upgrade`.")
    return newest


def _parsed(path: str) -> tuple[int, int]:
    match = _TILE.fullmatch(path)
    digits = match and match[1].replace("x", "").replace("/", "")
    if match is None or digits is None or (len(digits) > 3 and match[1].startswith("x000")):
        raise ProblemError(
            404, "A tile is named like 067 or x001/x234/067, one that is not full with .p/WIDTH."
        )
    if len(digits) > 18:
        raise ProblemError(404, "The ledger does not have that many hashes there.")
    width = WIDTH if match[2] is None else int(match[2])
    if width > WIDTH or (match[2] is not None and width == WIDTH):
        raise ProblemError(404, f"A tile that is not full has fewer than {WIDTH} hashes.")
    return int(digits), width
