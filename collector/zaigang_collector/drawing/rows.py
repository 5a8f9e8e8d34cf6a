"""The rows on top: the claim, what is exempt, a lane for each signal, and where there is evidence."""

from __future__ import annotations

from zaigang_collector.drawing import bars, labels, legend, svg
from zaigang_collector.drawing.layout import LANE, PLOT, PLOT_LEFT, PLOT_RIGHT
from zaigang_collector.drawing.page import SMALL, Page
from zaigang_collector.drawing.picture import exempt_kinds, state
from zaigang_collector.drawing.svg import fill, number, stroke
from zaigang_collector.matching.model import Finding


def claim(page: Page) -> None:
    seen, top = page.seen, page.at.claim
    claim = seen.assessment.claim
    page.row_name(top + 21, page.say(labels.CLAIM))
    page.canvas.rect(PLOT_LEFT, top + 8, PLOT, 18, fill("shade"))
    # An end that nobody claimed stays open.
    shape = f"M{PLOT_RIGHT} {top + 8}H{PLOT_LEFT}v18H{PLOT_RIGHT}"
    page.canvas.path([shape + ("z" if claim.end_is_claimed else "")], stroke("dim"))
    first = f"{seen.clock.time(seen.start_ms)} {page.say(labels.PUNCH_IN)}"
    last = page.say(labels.PUNCH_OUT if claim.end_is_claimed else labels.SHIFT_END)
    last = f"{seen.clock.time(seen.end_ms)} {last}"
    page.canvas.text(PLOT_LEFT + 8, top + 21, first, size=11)
    page.canvas.text(PLOT_RIGHT - 8, top + 21, last, size=11, anchor="end")
    marks = [legend.triangle(PLOT_LEFT, top + 8)]
    if claim.end_is_claimed:
        marks.append(legend.triangle(PLOT_RIGHT, top + 8))
    page.canvas.path(marks, fill("ink"))
    for point in sorted(claim.points, key=repr):
        legend.ring(page.canvas, page.x(point.at_ms), top + 34, mocked=point.mock_location)


def exemptions(page: Page) -> None:
    """Why nothing is to be assessed, in a box over the time; beside it where that is too narrow."""
    runs, top = page.seen.exempt_runs(), page.at.exempt
    if not runs:
        return
    page.row_name(top + 12, page.say(labels.EXEMPT))
    boxes = [(page.edge(run.from_slot), page.edge(run.to_slot)) for run in runs]
    ends = [*(left for left, _ in boxes[1:]), float(PLOT_RIGHT)]
    free = float(PLOT_LEFT)
    for run, (left, right), end in zip(runs, boxes, ends, strict=True):
        page.canvas.rect(left, top, right - left, 16, stroke("dim"))
        span = page.seen.slot_ms(run.from_slot), page.seen.slot_ms(run.to_slot)
        kinds = exempt_kinds(page.seen.assessment, *span)
        told = svg.printable(", ".join(page.say(labels.exemption_name(kind)) for kind in kinds))
        wide = svg.width(told, 10)
        if wide <= right - left - 2:
            page.canvas.text((left + right) / 2, top + 12, told, size=10, anchor="middle")
        elif free + wide + 8 <= left:
            page.canvas.text(left - 4, top + 12, told, size=10, anchor="end")
        elif right + wide + 8 <= end:
            page.canvas.text(right + 4, top + 12, told, size=10)
            right += wide + 8
        free = right


def lane(page: Page, place: int, finding: Finding) -> None:
    middle = page.at.lane(place)
    heights = [bars.height(llr) for llr in page.seen.slots_of(finding)]
    state_told = page.say(state(finding))
    page.canvas.add(f"<g><title>{svg.safe(page.say(finding.text))}</title>")
    page.row_name(middle + 4, page.say(labels.signal_name(finding.signal)), state_told)
    page.canvas.rect(PLOT_LEFT, middle - LANE / 2, PLOT, LANE, 'fill="none"')
    page.canvas.path([f"M{PLOT_LEFT} {middle}H{PLOT_RIGHT}"], stroke("dim", "0.6"))
    up = [max(0, size) for size in heights]
    down = [min(0, size) for size in heights]
    page.canvas.path(bars.outline(up, middle, page.edge), fill("support"))
    page.canvas.path(bars.outline(down, middle, page.edge), stroke("against"))
    page.canvas.path(bars.hatching(down, middle, page.edge), stroke("against", "1.2"))
    if state_told == page.say(labels.IN_DOUBT):
        _doubt(page, middle, page.say(finding.text))
    page.canvas.add("</g>")


def _doubt(page: Page, middle: float, sentence: str) -> None:
    """A lane that has no slots to show and yet something to say."""
    told = svg.shortened(sentence, SMALL, PLOT - 24)
    wide = svg.width(told, SMALL)
    page.canvas.rect(PLOT_LEFT, middle - 9, wide + 24, 18, fill("paper"))
    x, y = PLOT_LEFT + 9, middle + 5
    shape = f"M{x - 6} {number(y)}h12l-6 -11z"
    page.canvas.path([shape], stroke("ink", "1.2"))
    page.canvas.path([f"M{x} {number(y - 7)}v3.5m0 1.2v1.2"], stroke("ink", "1.2"))
    page.canvas.text(PLOT_LEFT + 20, middle + 4, told, size=SMALL)


def cover(page: Page) -> None:
    top = page.at.cover
    nothing = all(map(page.seen.is_exempt, range(page.seen.count)))
    share = "" if nothing else f"{page.seen.assessment.coverage:.0%}"
    page.row_name(top + 13, page.say(labels.COVER), share)
    steps = [
        f"M{number(page.edge(run.from_slot))} {top + 9}H{number(page.edge(run.to_slot))}"
        for is_covered, run in page.seen.runs(lambda slot: page.seen.assessment.covered[slot])
        if is_covered
    ]
    page.canvas.path(steps, stroke("ink", "3"))
