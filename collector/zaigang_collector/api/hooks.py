"""Webhooks that come in. They carry no token: each request is signed."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from zaigang_collector.api.deps import Given, Services
from zaigang_collector.api.problems import ProblemError, Wrong, responses
from zaigang_collector.connectors.hooks import receiving, signing
from zaigang_collector.connectors.hooks.receiving import Ground, Signed, Wakes
from zaigang_collector.connectors.hooks.signing import RefusedError

router = APIRouter(prefix="/hooks", tags=["work traces"])

_PROBLEMS_MAX: Final = 100  # who has more than this to correct reads the first hundred
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class RefusedOut(BaseModel):
    """Something of the request that was not stored."""

    item: int | None = Field(description="Which event, from 0; null: see expected.")
    where: str = Field(examples=["occurred_at"])
    expected: str


class TakenOut(BaseModel):
    """What became of a signed request."""

    added: int
    new_versions: int
    unchanged: int
    not_ours: int = Field(description="Of people whom nobody here knows: not kept.")
    repeated: bool = Field(description="This very request was taken before; nothing was done.")
    refused: list[RefusedOut] = Field(description=f"The first {_PROBLEMS_MAX}.")


@router.post(
    "/{name}",
    response_model=TakenOut,
    responses=responses(401, 413, 422),
    openapi_extra=_BODY,
)
async def receive(name: str, request: Request, given: Given) -> Response:
    """Take a request that is set up in `hooks.toml`.

    Signed: `Zaigang-Timestamp` (UTC seconds) and `Zaigang-Signature` (hex HMAC-SHA256 of the secret
    over the timestamp, a point, and the body), within five minutes. Of the JSON the fields on the
    list become an event; nothing else is kept. A vendor's event callback only wakes the poll, and is
    answered as the vendor wants it."""
    hooks = given.hooks
    if name not in hooks.signed and name not in hooks.wakes:
        raise _unknown()
    body = await _limited(request)
    if (hook := hooks.signed.get(name)) is not None:
        return await run_in_threadpool(_taken, given, hook, request, body)
    return await run_in_threadpool(_woken, given, hooks.wakes[name], request, body)


@router.get("/{name}", response_class=Response, responses=responses(401))
def tried(name: str, request: Request, given: Given) -> Response:
    """A vendor tries the address: WeCom does when it is entered in its console."""
    hook = given.hooks.wakes.get(name)
    if hook is None:
        raise _unknown()
    try:
        called = hook.callback.tried(request.query_params, given.clock.utc_ms())
    except RefusedError as error:
        raise ProblemError(401, f"Not taken: {error}.") from None
    return Response(called.answer, media_type=called.media_type)


def _taken(given: Services, hook: Signed, request: Request, body: bytes) -> Response:
    ground = Ground(given.engine, given.vault, given.texts, given.randomness)
    now_ms = given.clock.utc_ms()
    try:
        signing.check(hook.secret, request.headers, body, now_ms)
    except RefusedError as error:
        raise ProblemError(401, f"Nothing was stored: {error}.") from None
    try:
        taken = receiving.take(hook, ground, request.headers, body, now_ms)
    except RefusedError as error:
        wrong = Wrong(where="body", expected=str(error).removeprefix("expected "))
        raise ProblemError(422, f"Nothing was stored: {error}.", [wrong]) from None
    told = TakenOut(
        added=taken.added,
        new_versions=taken.new_versions,
        unchanged=taken.unchanged,
        not_ours=taken.not_ours,
        repeated=taken.repeated,
        refused=[
            RefusedOut(
                item=None if one.item < 0 else one.item, where=one.where, expected=one.expected
            )
            for one in taken.problems[:_PROBLEMS_MAX]
        ],
    )
    return Response(told.model_dump_json(), media_type="application/json")


def _woken(given: Services, hook: Wakes, request: Request, body: bytes) -> Response:
    now_ms = given.clock.utc_ms()
    try:
        called = hook.callback.called(request.query_params, request.headers, body, now_ms)
    except RefusedError as error:
        raise ProblemError(401, f"Not taken: {error}.") from None
    receiving.wake(hook, given.engine, called, now_ms)
    return Response(called.answer, media_type=called.media_type)


def _unknown() -> ProblemError:
    """As for a wrong signature: which hooks there are is for those who have their secrets."""
    return ProblemError(
        401,
        "Not taken: there is no hook of this name. `hooks.toml` in the data directory names them.",
    )


async def _limited(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > signing.BODY_MAX:
            raise ProblemError(
                413,
                f"A hook's request has at most {signing.BODY_MAX} bytes; nothing was stored.",
                headers={"connection": "close"},
            )
    return body
