"""What the demo asks the REST interface: the same door, token and answers as any other program."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from zaigang_collector.errors import CollectorError

_TIMEOUT_S: Final = 30


class RefusedError(CollectorError):
    """The interface answered with a problem."""


@dataclass(frozen=True, slots=True)
class Interface:
    """The REST interface on this machine."""

    port: int
    token: str

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The decoded answer. Raises RefusedError."""
        return self._ask("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The decoded answer. Raises RefusedError."""
        return self._ask("POST", path, json.dumps(body))

    def download(self, path: str, purpose: str) -> bytes:
        """A file, and what it is for. Raises RefusedError."""
        return self._bytes("GET", path, None, {"zaigang-purpose": purpose})

    def _ask(self, method: str, path: str, body: str | None) -> Any:
        return json.loads(self._bytes(method, path, body, {"content-type": "application/json"}))

    def _bytes(self, method: str, path: str, body: str | None, more: Mapping[str, str]) -> bytes:
        headers = {"authorization": f"Bearer {self.token}", **more}
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            conn.request(method, path, body, headers)
            answer = conn.getresponse()
            content = answer.read()
        finally:
            conn.close()
        if answer.status >= 400:
            detail = json.loads(content).get("detail", answer.status)
            raise RefusedError(f"{method} {path}: {detail}")
        return content
