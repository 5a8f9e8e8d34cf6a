"""What is wrong with a rule, in both languages."""

from __future__ import annotations

from zaigang_collector.errors import CollectorError
from zaigang_collector.matching.model import Text


class RuleError(CollectorError):
    """A rule that cannot be one. `where` names the field, `text` says what was expected."""

    def __init__(self, where: str, text: Text) -> None:
        super().__init__(f"{where}: {text.en}")
        self.where = where
        self.text = text
