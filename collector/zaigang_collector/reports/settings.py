"""What the company puts on its papers: `papers.toml` in the data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from zaigang_collector.connectors.files import Url, load
from zaigang_shared.prime import prime

FILE: Final = "papers.toml"
_Line = Annotated[str, msgspec.Meta(max_length=200)]


class PaperSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`papers.toml`. All of it may be left out."""

    company: _Line = ""
    """The company's name as it stands in contracts."""
    contact: _Line = ""
    """To whom an employee turns with questions: a name with an address or a number."""
    verify_url: Url | None = None
    """The page on which anybody verifies; printed as QR code."""
    reply_url: Url | None = None
    """The page on which the employee replies; the case's id is put behind it."""


prime(PaperSettings)


def read(folder: Path) -> PaperSettings:
    """Of a data directory. Raises ConfigError that says where the file is wrong."""
    path = folder / FILE
    return load(path, PaperSettings) if path.exists() else PaperSettings()
