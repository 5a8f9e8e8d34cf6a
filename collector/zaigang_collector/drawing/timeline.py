"""`timeline_svg`: an assessment as one picture. The claim on top, a lane for each signal, the posterior
below, all on the site's wall clock.

The same assessment gives the same bytes. No script, nothing from elsewhere, no fonts to fetch.
"""

from __future__ import annotations

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import chart, legend, rows, told
from zaigang_collector.drawing.layout import laid_out
from zaigang_collector.drawing.page import Page
from zaigang_collector.drawing.picture import Bounds, Picture, Subject, picture
from zaigang_collector.matching.model import Assessment


def timeline_svg(
    assessment: Assessment, subject: Subject, language: Language, bounds: Bounds | None = None
) -> str:
    """The picture. `bounds`: of the policy that the assessment was made with; None when it is not at
    hand, and the lines are left out."""
    seen = picture(assessment, subject)
    keys = legend.rows(_legend_keys(seen), language)
    page = _page(seen, language, len(keys))
    told.opened(page)
    told.heading(page)
    chart.ground(page)
    rows.claim(page)
    rows.exemptions(page)
    for place, finding in enumerate(assessment.findings):
        rows.lane(page, place, finding)
    rows.cover(page)
    chart.posterior(page, bounds)
    chart.strip(page)
    chart.axis(page)
    legend.draw(page.canvas, page.at.legend, keys, language)
    told.foot(page)
    page.canvas.add("</svg>\n")
    return "".join(page.canvas.parts)


def _page(seen: Picture, language: Language, legend_rows: int) -> Page:
    ticks = seen.clock.ticks(seen.start_ms, seen.end_ms)
    changes = seen.clock.changes(seen.start_ms, seen.end_ms)
    has_days = any(tick.day for tick in ticks)
    at = laid_out(
        len(seen.assessment.findings),
        has_exemptions=bool(seen.exempt_runs()),
        axis_rows=1 + has_days + bool(changes),
        legend_rows=legend_rows,
        foot_rows=1,
    )
    return Page(seen, language, ticks, changes, at)


def _legend_keys(seen: Picture) -> list[str]:
    """What there is on this drawing, and nothing else."""
    assessment = seen.assessment
    points = assessment.claim.points
    guessed = any(map(seen.is_guess, range(seen.count)))
    shown = {
        "support": True,
        "against": True,
        "silent": True,
        "uncovered": guessed,
        "guess": guessed,
        "exempt": bool(seen.exempt_runs()),
        "punch": True,
        "point": any(not point.mock_location for point in points),
        "mock": any(point.mock_location for point in points),
    }
    return [key for key, is_there in shown.items() if is_there]
