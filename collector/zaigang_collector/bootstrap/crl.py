"""`revoked.crl` in the data directory: for a broker that is another program and does not ask us.

Written at the start, when a device was revoked, and once a day, since a broker refuses everybody by a
list that has run out. It names serial numbers, nothing of a person.
"""

from __future__ import annotations

import logging
import os
from typing import Final

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.devices import ca, service

_LOG: Final = logging.getLogger(__name__)
# The list is good for 30 days. Larger leaves less time to notice that it is not renewed; smaller makes
# brokers read it again for nothing.
EVERY_MS: Final = 24 * 3_600_000
_AGAIN_MS: Final = 60_000


class CrlFile:
    """Keeps the file up."""

    def __init__(self, collector: Opened) -> None:
        self._collector = collector
        self._due_ms = 0
        self._written: tuple[ca.Revoked, ...] | None = None

    def keep(self, now_ms: int, *, is_changed: bool) -> bool:
        """Write it anew when it is time, or when it should say something else; `is_changed`: the
        register was. Returns whether it was written."""
        if not is_changed and now_ms < self._due_ms:
            return False
        with self._collector.reading() as conn:
            revoked = service.revoked_certificates(conn, now_ms)
        if revoked == self._written and now_ms < self._due_ms:
            return False
        try:
            self._write(ca.issue_crl(self._collector.keys.authority, revoked, now_ms))
        except OSError as error:
            _LOG.error("%s cannot be written: %s", self._collector.directory.crl, error.strerror)
            self._due_ms = now_ms + _AGAIN_MS
            return False
        self._written, self._due_ms = revoked, now_ms + EVERY_MS
        return True

    def _write(self, pem: bytes) -> None:
        path = self._collector.directory.crl
        fresh = path.with_name(path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
