"""From a line about a commit to an event. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from zaigang_collector.connectors.contract import Event
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.worktraces.model import EventKind

_LINE: Final = re.compile(
    rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9]{1,12}) ([0-9]{1,12}) (.*)", re.DOTALL
)


def event(line: object, employee_by_mail: Mapping[str, str]) -> Event | None:
    """The event of one line; None: its author is nobody who was named. Raises FieldError.

    When it was done is what the author's machine says. Both its dates can be chosen freely, so both
    are kept; neither proves anything before the ledger has it.
    """
    found = _LINE.fullmatch(line) if isinstance(line, bytes) else None
    if found is None:
        raise FieldError("commit", "a hash, two times after 1970 and an address")
    mail = found[4].decode("utf-8", "replace").strip().casefold()
    employee_id = employee_by_mail.get(mail)
    if employee_id is None:
        return None
    commit = found[1].decode()
    authored_s, committed_s = int(found[2]), int(found[3])
    kept = {"commit": commit, "author_time": authored_s, "commit_time": committed_s}
    return Event(
        vendor_id=commit,
        person=employee_id,
        kind=EventKind.COMMIT,
        happened_ms=authored_s * 1000,
        record=json.dumps(kept, sort_keys=True, separators=(",", ":")).encode(),
    )
