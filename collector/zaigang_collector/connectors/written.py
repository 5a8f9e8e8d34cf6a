"""What people wrote in a work log, as far as it is looked for names of clients in memory. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def joined(parts: Iterable[object]) -> str | None:
    """The texts among these, a line each; None: there is none. Nothing else of a form is read."""
    found = [one for one in parts if isinstance(one, str) and one.strip()]
    return "\n".join(found) or None
