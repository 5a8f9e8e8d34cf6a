"""This collector as a witness of others' ledgers (C2SP tlog-witness).

No token: a checkpoint is let in by its own ledger's signature, and whatever is not signed by a
ledger that is watched costs one look and changes nothing.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

from zaigang_collector import db
from zaigang_collector.api.deps import Given, Services
from zaigang_collector.api.problems import ProblemError, responses
from zaigang_collector.ledger import witness, witnessed
from zaigang_collector.ledger.witness import Cosigner, Reply

router = APIRouter(tags=["witness"])

_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "`old SIZE`, the consistency proof in base64, an empty line, the checkpoint.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/witness-key", response_class=PlainTextResponse)
def key(given: Given) -> str:
    """The verifier key of this witness: public, to be configured where its cosignatures count."""
    return f"{given.witness.verifier}\n"


@router.post(
    "/add-checkpoint",
    response_class=PlainTextResponse,
    responses=responses(400, 403, 404, 409, 413, 422),
    openapi_extra=_BODY,
)
async def add_checkpoint(request: Request, given: Given) -> Response:
    """Cosign a checkpoint of a ledger that is watched, if it continues what was cosigned before."""
    body = await _limited(request)
    reply = await run_in_threadpool(_decided, given, given.witness, body)
    if reply.status in (200, 409):
        return Response(reply.body, reply.status, media_type=reply.media_type)
    raise ProblemError(reply.status, reply.body.rstrip("\n"))


def _decided(given: Services, cosigner: Cosigner, body: bytes) -> Reply:
    asked = witness.asked(body, cosigner.logs)
    if isinstance(asked, Reply):
        return asked
    # Checkpoints are public: whoever plays an old one back does not get as far as the write lock.
    with db.reading(given.engine) as conn:
        refused = witness.refusal(asked, witnessed.seen(conn, asked.checkpoint.origin))
    if refused is not None:
        return refused
    now_ms = given.clock.utc_ms()
    with db.writing(given.engine) as conn:
        refused = witnessed.keep(conn, asked, now_ms)
    # A crash here leaves a checkpoint that is kept and was not cosigned: it is asked for again.
    return refused or witness.cosignature(cosigner, asked, now_ms // 1000)


async def _limited(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > witness.MAX_BYTES:
            raise ProblemError(
                413,
                f"A request has at most {witness.MAX_BYTES} bytes here.",
                headers={"connection": "close"},
            )
    return body
