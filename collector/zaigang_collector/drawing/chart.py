"""What lies behind and below: grid and shading, the posterior, what each stretch came to, the axis."""

from __future__ import annotations

from zaigang_collector.drawing import bars, labels, legend, svg
from zaigang_collector.drawing.layout import (
    LEFT,
    PLOT,
    PLOT_LEFT,
    PLOT_RIGHT,
    POSTERIOR,
    RIGHT,
    STATE_MOST,
)
from zaigang_collector.drawing.page import SMALL, Page
from zaigang_collector.drawing.picture import Bounds
from zaigang_collector.drawing.svg import fill, number, stroke
from zaigang_collector.matching.model import Presence


def ground(page: Page) -> None:
    at = page.at
    top, bottom = at.lanes, at.posterior + POSTERIOR
    for is_guess, run in page.seen.runs(page.seen.is_guess):
        if is_guess:
            left, right = page.edge(run.from_slot), page.edge(run.to_slot)
            page.canvas.rect(left, top, right - left, at.cover - top, fill("shade"))
            page.canvas.rect(left, at.posterior, right - left, POSTERIOR, fill("shade"))
    lines = [f"M{number(page.x(one.at_ms))} {at.claim + 8}V{bottom}" for one in page.ticks]
    lines += [f"M{number(page.x(one.at_ms))} {at.axis}v4" for one in page.ticks]
    page.canvas.path(lines, stroke("line"))
    changes = [f"M{number(page.x(one.at_ms))} {at.claim + 8}V{bottom}" for one in page.changes]
    changes += [f"M{number(page.x(one.at_ms))} {at.axis}v6" for one in page.changes]
    page.canvas.path(changes, stroke("dim", "1.2") + ' stroke-dasharray="5 3"')
    hatched = [
        svg.hatch(page.edge(run.from_slot), top, page.edge(run.to_slot), bottom, 12)
        for run in page.seen.exempt_runs()
    ]
    page.canvas.path(hatched, stroke("hatch", "0.8"))


def posterior(page: Page, bounds: Bounds | None) -> None:
    at, assessment = page.at, page.seen.assessment
    page.row_name(at.posterior + 46, page.say(labels.POSTERIOR))
    page.canvas.text(
        LEFT, at.posterior + 60, page.say(labels.POSTERIOR_MORE), size=SMALL, role="dim"
    )
    page.canvas.rect(PLOT_LEFT, at.posterior, PLOT, POSTERIOR, stroke("line"))
    for share in (1.0, 0.5, 0.0):
        y = at.posterior_y(share)
        page.canvas.text(PLOT_LEFT - 5, y + 4, f"{share:.0%}", size=10, role="dim", anchor="end")
    page.canvas.path([f"M{PLOT_LEFT} {at.posterior + POSTERIOR // 2}h{PLOT}"], stroke("line"))
    _bound_lines(page, bounds)
    levels = [at.posterior_y(posterior) for posterior in assessment.posteriors]
    guessed = [page.seen.is_guess(slot) for slot in range(page.seen.count)]
    steps = bars.curve(levels, guessed, assessment.covered, page.edge)
    page.canvas.path(steps, stroke("ink", "1.5") + legend.DOTTED)
    steps = bars.curve(levels, assessment.covered, guessed, page.edge)
    page.canvas.path(steps, stroke("ink", "2"))


def _bound_lines(page: Page, bounds: Bounds | None) -> None:
    if bounds is None:
        return
    for share, name, sign in (
        (bounds.confirm, labels.CONFIRM_BOUND, "≥"),
        (bounds.contradict, labels.CONTRADICT_BOUND, "≤"),
    ):
        y = page.at.posterior_y(share)
        dashes = ' stroke-dasharray="6 4"'
        page.canvas.path([f"M{PLOT_LEFT} {number(y)}h{PLOT}"], stroke("dim") + dashes)
        told = f"{page.say(name)} {sign}{share * 100:.3g}%"
        told = svg.shortened(told, 10, STATE_MOST)
        page.canvas.text(RIGHT, y + 3.5, told, size=10, role="dim")


def strip(page: Page) -> None:
    top = page.at.strip
    page.row_name(top + 22, page.say(labels.STRETCHES))
    for stretch in page.seen.assessment.stretches:
        left, right = page.x(stretch.from_ms), page.x(stretch.to_ms)
        name = page.say(labels.STRETCH_NAMES[stretch.presence])
        clock = page.seen.clock
        times = f"{clock.time(stretch.from_ms)}–{clock.time(stretch.to_ms)}"
        page.centred(left, right, top + 11, [f"{name} {times}", name])
    _bands(page, top + 15)


def _bands(page: Page, top: int) -> None:
    """Solid, hatched, empty: one path each, however many stretches there are."""
    boxes: dict[Presence, list[str]] = {}
    hatched: dict[Presence, list[str]] = {}
    for stretch in page.seen.assessment.stretches:
        left, right = page.x(stretch.from_ms), page.x(stretch.to_ms)
        box = f"M{number(left)} {top}H{number(right)}v11H{number(left)}z"
        boxes.setdefault(stretch.presence, []).append(box)
        gap = 8 if stretch.presence is Presence.EXEMPT else bars.HATCH
        steps = svg.hatch(left, top, right, top + 11, gap)
        hatched.setdefault(stretch.presence, []).append(steps)
    page.canvas.path(boxes.get(Presence.CONFIRMED, ()), fill("support"))
    page.canvas.path(boxes.get(Presence.UNVERIFIED, ()), stroke("dim"))
    for presence, role in ((Presence.CONTRADICTED, "against"), (Presence.EXEMPT, "hatch")):
        page.canvas.path(boxes.get(presence, ()), stroke(role))
        page.canvas.path(hatched.get(presence, ()), stroke(role))


def axis(page: Page) -> None:
    at = page.at
    page.canvas.path([f"M{PLOT_LEFT} {at.axis}h{PLOT}"], stroke("dim"))
    name = page.seen.clock.offset(page.seen.start_ms)
    page.canvas.text(LEFT, at.axis + 15, name, size=SMALL, role="dim")
    free = 0.0
    for tick in page.ticks:
        x, half = page.x(tick.at_ms), svg.width(tick.label, 11) / 2
        if x - half < free:  # after the clocks were changed ticks can stand close
            continue
        page.canvas.text(x, at.axis + 15, tick.label, size=11, anchor="middle")
        if tick.day:
            page.canvas.text(x, at.axis + 28, tick.day, size=11, anchor="middle")
        free = x + half + 4
    last = at.axis + (41 if any(tick.day for tick in page.ticks) else 28)
    for change in page.changes:
        half = svg.width(change.label, 10) / 2
        x = min(max(page.x(change.at_ms), PLOT_LEFT + half), PLOT_RIGHT - half)
        page.canvas.text(x, last, change.label, size=10, role="dim", anchor="middle")
