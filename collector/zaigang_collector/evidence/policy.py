"""A policy out of the body that the ledger commits to."""

from __future__ import annotations

import json

from zaigang_collector.matching.errors import PolicyError
from zaigang_collector.matching.policy import Policy


def policy_of(body: bytes) -> Policy:
    """The numbers as they were. Raises PolicyError for a body that is none of this version."""
    try:
        return Policy(**json.loads(body))
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyError(f"not a policy of this version: {error}") from error
