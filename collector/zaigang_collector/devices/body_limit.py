"""ASGI middleware that refuses a large body before it is in memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Makes the application answer 413 to a body of more than `max_bytes`, declared or not."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                detail = f"a request has at most {self._max_bytes} bytes here"
                # Of this type, because FastAPI turns any other into "error parsing the body".
                raise HTTPException(413, detail, {"connection": "close"})
            return message

        await self._app(scope, counted, send)
