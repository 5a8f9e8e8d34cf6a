"""The errors of matching.

MatchingError
├── ClaimError     an interval that cannot be assessed: ends before it begins, is absurdly long
├── PolicyError    a policy document with a number missing, unknown or out of its bounds
└── CodecError     a stored assessment that is not one

Odd evidence is no error: it is weighed as silence, and a finding or a reason says so.
"""

from __future__ import annotations

from zaigang_collector.errors import CollectorError


class MatchingError(CollectorError):
    """Base of every error that matching raises on purpose."""


class ClaimError(MatchingError):
    """An interval that cannot be assessed; the message says what was expected."""


class PolicyError(MatchingError):
    """A policy document that does not hold; the message names the number."""


class CodecError(MatchingError):
    """A stored assessment that does not read; the message names the field."""
