"""In which language an answer is given that is for people: `?lang=`, else Accept-Language."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Query

from zaigang_collector.directory.model import Language

_DEFAULT: Final = Language.CHINESE
_OURS: Final = {one.value: one for one in Language}
_QUALITY: Final = re.compile(r"q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)")


def preferred(header: str) -> Language:
    """The one of ours that an Accept-Language (RFC 9110, 12.5.4) likes best; Chinese where it says
    nothing of either. What is no such header says nothing."""
    best, most = _DEFAULT, 0.0
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            match = _QUALITY.fullmatch(parameter)
            quality = float(match[1]) if match else 0.0
        spoken = _OURS.get(name.partition("-")[0])
        if spoken is not None and quality > most:
            best, most = spoken, quality
    return best


def _spoken(
    lang: Annotated[
        Language | None, Query(description="Language; without it, Accept-Language decides.")
    ] = None,
    accept_language: Annotated[str, Header(max_length=1000)] = "",
) -> Language:
    return preferred(accept_language) if lang is None else lang


Spoken = Annotated[Language, Depends(_spoken)]
