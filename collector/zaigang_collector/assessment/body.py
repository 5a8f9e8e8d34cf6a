"""An assessment as the bytes that are kept and hashed: canonical JSON. Pure.

JSON and not CBOR, because people and other programs read it. Sorted keys, no spaces, and Python's
shortest float notation, so that the same assessment is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from zaigang_collector.matching import codec
from zaigang_collector.matching.model import Assessment


def encode(assessment: Assessment) -> bytes:
    """The body of an assessment; `matching.codec.decode` reads its JSON back."""
    return canonical(codec.encode(assessment))


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one JSON encoding of `value`."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()
