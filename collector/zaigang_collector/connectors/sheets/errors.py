"""What is wrong with a file, in Chinese and in English, without anything that stands in it."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_collector.errors import CollectorError
from zaigang_collector.matching.model import Text


class SheetError(CollectorError):
    """A file that cannot be imported as a whole: what is wrong, what was expected, what to do."""

    def __init__(self, said: Text) -> None:
        super().__init__(said.en)
        self.said = said


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One row that was not taken."""

    row: int
    """As the spreadsheet program counts, from 1."""
    column: str
    """The heading as the file writes it; "" for the whole row."""
    said: Text
    """What was expected and what to do; never what stands there."""
