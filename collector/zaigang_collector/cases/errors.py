"""What a case does not take, in Chinese and in English."""

from __future__ import annotations

from zaigang_collector.errors import CollectorError
from zaigang_collector.matching.model import Text


class AttachmentError(CollectorError):
    """A file that is not taken: why, what was expected, what to do. Nothing that stands in it."""

    def __init__(self, said: Text) -> None:
        super().__init__(f"{said.zh} {said.en}")
        self.said = said
