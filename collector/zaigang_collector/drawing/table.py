"""The time line as rows: for screen readers, and for spreadsheets. Says what the drawing shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import labels
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.picture import Picture, Run, Subject, picture, word
from zaigang_collector.matching.model import Assessment, Direction

Cell: TypeAlias = str | float
_Alike: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A heading and rows of as many cells. Numbers are numbers: probabilities from 0 to 1, and
    per signal the sum of log-likelihood ratios (nat)."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def inert(cell: Cell) -> Cell:
    """For CSV: text that a spreadsheet would compute stays text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell


def timeline_table(
    assessment: Assessment, subject: Subject, language: Language, *, every_slot: bool = False
) -> Table:
    """One row for each run of slots that say the same in words, or for every slot."""
    seen = picture(assessment, subject)
    header = [say(text, language) for text in (labels.FROM, labels.TO, labels.STRETCH)]
    header += [say(labels.COVERED, language), say(labels.POSTERIOR, language)]
    for finding in assessment.findings:
        name = say(labels.signal_name(finding.signal), language)
        header += [name, f"{name} (nat)"]

    def alike(slot: int) -> _Alike:
        return (
            slot if every_slot else -1,
            seen.presences[slot],
            assessment.covered[slot],
            *(word(seen.slots_of(one)[slot]) for one in assessment.findings),
        )

    rows = tuple(_row(seen, run, language) for _, run in seen.runs(alike))
    return Table(tuple(header), rows)


def _row(seen: Picture, run: Run, language: Language) -> tuple[Cell, ...]:
    assessment, first = seen.assessment, run.from_slot
    posteriors = assessment.posteriors[first : run.to_slot]
    cells: list[Cell] = [
        seen.clock.moment(seen.slot_ms(first)),
        seen.clock.moment(seen.slot_ms(run.to_slot)),
        say(labels.STRETCH_NAMES[seen.presences[first]], language),
        say(labels.YES if assessment.covered[first] else labels.NO, language),
        round(math.fsum(posteriors) / len(posteriors), 4),
    ]
    for finding in assessment.findings:
        slots = seen.slots_of(finding)[first : run.to_slot]
        direction: Direction = word(slots[0])
        cells += [say(labels.DIRECTIONS[direction], language), round(math.fsum(slots), 3)]
    return tuple(cells)
