"""`timeline_svg`: an assessment as one picture. The claim on top, a lane for each signal, the posterior
below, all on the site's wall clock.

The same assessment gives the same bytes. No script, nothing from elsewhere, no fonts to fetch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import bars, labels, legend, svg
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.layout import (
    LABEL_MOST,
    LANE,
    LEFT,
    PLOT,
    PLOT_LEFT,
    PLOT_RIGHT,
    POSTERIOR,
    RIGHT,
    STATE_MOST,
    WIDTH,
    Layout,
    laid_out,
)
from zaigang_collector.drawing.picture import (
    Bounds,
    Picture,
    Run,
    Subject,
    exempt_kinds,
    picture,
    state,
)
from zaigang_collector.drawing.scale import Change, Tick
from zaigang_collector.drawing.svg import Canvas, fill, number, stroke
from zaigang_collector.matching.model import Assessment, Finding, Presence, Text

_NAME: Final = 12.5
_SMALL: Final = 10.5
_FOOT: Final = 10


def timeline_svg(
    assessment: Assessment, subject: Subject, language: Language, bounds: Bounds | None = None
) -> str:
    """The picture. `bounds`: of the policy that the assessment was made with; None when it is not at
    hand, and the lines are left out."""
    return _Drawing.of(picture(assessment, subject), language, bounds).drawn()


@dataclass(frozen=True, slots=True)
class _Drawing:
    seen: Picture
    language: Language
    bounds: Bounds | None
    ticks: list[Tick]
    changes: list[Change]
    legend: list[list[tuple[str, float]]]
    at: Layout
    canvas: Canvas

    @classmethod
    def of(cls, seen: Picture, language: Language, bounds: Bounds | None) -> _Drawing:
        ticks = seen.clock.ticks(seen.start_ms, seen.end_ms)
        changes = seen.clock.changes(seen.start_ms, seen.end_ms)
        keys = legend.rows(_legend_keys(seen), language)
        has_days = any(tick.day for tick in ticks)
        at = laid_out(
            len(seen.assessment.findings),
            has_exemptions=bool(seen.assessment.claim.exemptions),
            axis_rows=1 + has_days + bool(changes),
            legend_rows=len(keys),
            foot_rows=1,
        )
        return cls(seen, language, bounds, ticks, changes, keys, at, Canvas())

    def drawn(self) -> str:
        self._open()
        self._heading()
        self._ground()
        self._claim()
        self._exemptions()
        for place, finding in enumerate(self.seen.assessment.findings):
            self._lane(place, finding)
        self._cover()
        self._posterior()
        self._strip()
        self._axis()
        legend.draw(self.canvas, self.at.legend, self.legend, self.language)
        self._foot()
        self.canvas.add("</svg>\n")
        return "".join(self.canvas.parts)

    def say(self, text: Text) -> str:
        return say(text, self.language)

    def x(self, at_ms: int) -> float:
        """Whole tenths of a pixel, so that no machine rounds otherwise. Clipped to the plot."""
        seen = self.seen
        length_ms = seen.end_ms - seen.start_ms
        inside = min(max(at_ms, seen.start_ms), seen.end_ms) - seen.start_ms
        return (PLOT_LEFT * 10 + inside * PLOT * 10 // length_ms) / 10

    def edge(self, slot: int) -> float:
        return self.x(self.seen.slot_ms(slot))

    # Words.

    def _title(self) -> str:
        seen = self.seen
        verdict = self.say(labels.verdict_name(seen.assessment.presence))
        if seen.assessment.provisional:
            verdict += self.say(labels.PROVISIONAL)
        return " · ".join(one for one in (verdict, seen.subject.person, seen.subject.site) if one)

    def _when(self) -> str:
        seen = self.seen
        told = seen.clock.span(seen.start_ms, seen.end_ms)
        zone = seen.clock.zone_told(seen.start_ms, seen.end_ms)
        return labels.bracketed(told, zone, self.language)

    def _described(self) -> str:
        """For whoever cannot see it: the reasons, and what each lane says."""
        assessment = self.seen.assessment
        told = [self._when(), *(self.say(reason) for reason in assessment.reasons)]
        for finding in assessment.findings:
            name = labels.signal_name(finding.signal)
            stands = labels.bracketed(self.say(name), self.say(state(finding)), self.language)
            told.append(labels.pair(Text(stands, stands), finding.text, self.language))
        return "\n".join(told)

    def _open(self) -> None:
        claim = self.seen.assessment.claim
        named = repr((claim.employee_id, claim.site_id, claim.start_ms, claim.clock_in_ids))
        # Ids are the page's, and a page may hold several drawings.
        mark = "zg-" + hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:10]
        language = "zh-CN" if self.language is Language.CHINESE else "en"
        title = labels.pair(labels.TITLE, Text(self._title(), self._title()), self.language)
        self.canvas.add(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.at.height}" '
            f'width="{WIDTH}" height="{self.at.height}" role="img" lang="{language}" '
            f'xml:lang="{language}" aria-labelledby="{mark}-t {mark}-d" '
            f"font-family={svg.attribute(svg.FONTS)}>",
            f'<title id="{mark}-t">{svg.safe(title)}</title>',
            f'<desc id="{mark}-d">',
            "\n".join(svg.safe(line) for line in self._described().split("\n")),
            "</desc>",
            svg.style(),
        )
        self.canvas.rect(0, 0, WIDTH, self.at.height, fill("paper"))

    def _heading(self) -> None:
        title = svg.shortened(self._title(), 18, WIDTH - 2 * LEFT)
        self.canvas.text(LEFT, 28, title, size=17, bold=True)
        assessment = self.seen.assessment
        work = ""
        if assessment.presence is not Presence.EXEMPT:  # of which nothing was to be assessed
            work = labels.pair(labels.WORK_TITLE, labels.WORK[assessment.work], self.language)
        room = WIDTH - 2 * LEFT - svg.width(work, 12) - 24
        self.canvas.text(LEFT, 48, svg.shortened(self._when(), 12, room), size=12, role="dim")
        if work:
            self.canvas.text(WIDTH - LEFT, 48, work, size=12, role="dim", anchor="end")

    # What lies behind the rows.

    def _ground(self) -> None:
        at = self.at
        top, bottom = at.lanes, at.posterior + POSTERIOR
        for is_guess, run in self.seen.runs(self.seen.is_guess):
            if is_guess:
                left, right = self.edge(run.from_slot), self.edge(run.to_slot)
                self.canvas.rect(left, top, right - left, at.cover - top, fill("shade"))
                self.canvas.rect(left, at.posterior, right - left, POSTERIOR, fill("shade"))
        lines = [f"M{number(self.x(one.at_ms))} {at.claim + 8}V{bottom}" for one in self.ticks]
        lines += [f"M{number(self.x(one.at_ms))} {at.axis}v4" for one in self.ticks]
        self.canvas.path(lines, stroke("line"))
        changes = [f"M{number(self.x(one.at_ms))} {at.claim + 8}V{bottom}" for one in self.changes]
        changes += [f"M{number(self.x(one.at_ms))} {at.axis}v6" for one in self.changes]
        self.canvas.path(changes, stroke("dim", "1.2") + ' stroke-dasharray="5 3"')
        hatched = [
            svg.hatch(self.edge(run.from_slot), top, self.edge(run.to_slot), bottom, 12)
            for run in self._exempt_runs()
        ]
        self.canvas.path(hatched, stroke("hatch", "0.8"))

    def _exempt_runs(self) -> list[Run]:
        return [run for is_exempt, run in self.seen.runs(self.seen.is_exempt) if is_exempt]

    # The rows.

    def _row_name(self, y: float, name: str, right: str = "", *, role: str = "ink") -> None:
        """`y`: the baseline."""
        self.canvas.text(LEFT, y, svg.shortened(name, _NAME, LABEL_MOST), size=_NAME, role=role)
        if right:
            told = svg.shortened(right, _SMALL, STATE_MOST)
            self.canvas.text(RIGHT, y, told, size=_SMALL, role="dim")

    def _claim(self) -> None:
        seen, top = self.seen, self.at.claim
        claim = seen.assessment.claim
        self._row_name(top + 21, self.say(labels.CLAIM))
        self.canvas.rect(PLOT_LEFT, top + 8, PLOT, 18, fill("shade"))
        # An end that nobody claimed stays open.
        shape = f"M{PLOT_RIGHT} {top + 8}H{PLOT_LEFT}v18H{PLOT_RIGHT}"
        self.canvas.path([shape + ("z" if claim.end_is_claimed else "")], stroke("dim"))
        first = f"{seen.clock.time(seen.start_ms)} {self.say(labels.PUNCH_IN)}"
        last = self.say(labels.PUNCH_OUT if claim.end_is_claimed else labels.SHIFT_END)
        last = f"{seen.clock.time(seen.end_ms)} {last}"
        self.canvas.text(PLOT_LEFT + 8, top + 21, first, size=11)
        self.canvas.text(PLOT_RIGHT - 8, top + 21, last, size=11, anchor="end")
        marks = [legend.triangle(PLOT_LEFT, top + 8)]
        if claim.end_is_claimed:
            marks.append(legend.triangle(PLOT_RIGHT, top + 8))
        self.canvas.path(marks, fill("ink"))
        for point in sorted(claim.points, key=repr):
            legend.ring(self.canvas, self.x(point.at_ms), top + 34, mocked=point.mock_location)

    def _exemptions(self) -> None:
        if not self.seen.assessment.claim.exemptions:
            return
        top = self.at.exempt
        self._row_name(top + 12, self.say(labels.EXEMPT))
        for run in self._exempt_runs():
            left, right = self.edge(run.from_slot), self.edge(run.to_slot)
            self.canvas.rect(left, top, right - left, 16, stroke("dim"))
            span = self.seen.slot_ms(run.from_slot), self.seen.slot_ms(run.to_slot)
            kinds = exempt_kinds(self.seen.assessment, *span)
            told = ", ".join(self.say(labels.exemption_name(kind)) for kind in kinds)
            self._centred(left, right, top + 12, [told])

    def _lane(self, place: int, finding: Finding) -> None:
        middle = self.at.lane(place)
        heights = [bars.height(llr) for llr in self.seen.slots_of(finding)]
        state_told = self.say(state(finding))
        self.canvas.add(f"<g><title>{svg.safe(self.say(finding.text))}</title>")
        self._row_name(middle + 4, self.say(labels.signal_name(finding.signal)), state_told)
        self.canvas.rect(PLOT_LEFT, middle - LANE / 2, PLOT, LANE, 'fill="none"')
        self.canvas.path([f"M{PLOT_LEFT} {middle}H{PLOT_RIGHT}"], stroke("dim", "0.6"))
        up = [max(0, size) for size in heights]
        down = [min(0, size) for size in heights]
        self.canvas.path(bars.outline(up, middle, self.edge), fill("support"))
        self.canvas.path(bars.outline(down, middle, self.edge), stroke("against"))
        self.canvas.path(bars.hatching(down, middle, self.edge), stroke("against", "1.2"))
        if state_told == self.say(labels.IN_DOUBT):
            self._doubt(middle, self.say(finding.text))
        self.canvas.add("</g>")

    def _doubt(self, middle: float, sentence: str) -> None:
        """A lane that has no slots to show and yet something to say."""
        told = svg.shortened(sentence, _SMALL, PLOT - 24)
        wide = svg.width(told, _SMALL)
        self.canvas.rect(PLOT_LEFT, middle - 9, wide + 24, 18, fill("paper"))
        x, y = PLOT_LEFT + 9, middle + 5
        shape = f"M{x - 6} {number(y)}h12l-6 -11z"
        self.canvas.path([shape], stroke("ink", "1.2"))
        self.canvas.path([f"M{x} {number(y - 7)}v3.5m0 1.2v1.2"], stroke("ink", "1.2"))
        self.canvas.text(PLOT_LEFT + 20, middle + 4, told, size=_SMALL)

    def _cover(self) -> None:
        top = self.at.cover
        nothing = all(map(self.seen.is_exempt, range(self.seen.count)))
        share = "" if nothing else f"{self.seen.assessment.coverage:.0%}"
        self._row_name(top + 13, self.say(labels.COVER), share)
        steps = [
            f"M{number(self.edge(run.from_slot))} {top + 9}H{number(self.edge(run.to_slot))}"
            for is_covered, run in self.seen.runs(lambda slot: self.seen.assessment.covered[slot])
            if is_covered
        ]
        self.canvas.path(steps, stroke("ink", "3"))

    def _posterior(self) -> None:
        at, assessment = self.at, self.seen.assessment
        self._row_name(at.posterior + 46, self.say(labels.POSTERIOR))
        self.canvas.text(
            LEFT, at.posterior + 60, self.say(labels.POSTERIOR_MORE), size=_SMALL, role="dim"
        )
        self.canvas.rect(PLOT_LEFT, at.posterior, PLOT, POSTERIOR, stroke("line"))
        for share in (1.0, 0.5, 0.0):
            y = at.posterior_y(share)
            self.canvas.text(
                PLOT_LEFT - 5, y + 4, f"{share:.0%}", size=10, role="dim", anchor="end"
            )
        self.canvas.path([f"M{PLOT_LEFT} {at.posterior + POSTERIOR // 2}h{PLOT}"], stroke("line"))
        self._bound_lines()
        levels = [at.posterior_y(posterior) for posterior in assessment.posteriors]
        guessed = [self.seen.is_guess(slot) for slot in range(self.seen.count)]
        steps = bars.curve(levels, guessed, self.edge)
        self.canvas.path(steps, stroke("ink", "1.5") + legend.DOTTED)
        self.canvas.path(bars.curve(levels, assessment.covered, self.edge), stroke("ink", "2"))

    def _bound_lines(self) -> None:
        if self.bounds is None:
            return
        for share, name, sign in (
            (self.bounds.confirm, labels.CONFIRM_BOUND, "≥"),
            (self.bounds.contradict, labels.CONTRADICT_BOUND, "≤"),
        ):
            y = self.at.posterior_y(share)
            dashes = ' stroke-dasharray="6 4"'
            self.canvas.path([f"M{PLOT_LEFT} {number(y)}h{PLOT}"], stroke("dim") + dashes)
            told = f"{self.say(name)} {sign}{share * 100:.3g}%"
            told = svg.shortened(told, 10, STATE_MOST)
            self.canvas.text(RIGHT, y + 3.5, told, size=10, role="dim")

    def _strip(self) -> None:
        top = self.at.strip
        self._row_name(top + 22, self.say(labels.STRETCHES))
        for stretch in self.seen.assessment.stretches:
            left, right = self.x(stretch.from_ms), self.x(stretch.to_ms)
            name = self.say(labels.STRETCH_NAMES[stretch.presence])
            clock = self.seen.clock
            times = f"{clock.time(stretch.from_ms)}–{clock.time(stretch.to_ms)}"
            self._centred(left, right, top + 11, [f"{name} {times}", name])
        self._bands(top + 15)

    def _bands(self, top: int) -> None:
        """Solid, hatched, empty: one path each, however many stretches there are."""
        boxes: dict[Presence, list[str]] = {}
        hatched: dict[Presence, list[str]] = {}
        for stretch in self.seen.assessment.stretches:
            left, right = self.x(stretch.from_ms), self.x(stretch.to_ms)
            box = f"M{number(left)} {top}H{number(right)}v11H{number(left)}z"
            boxes.setdefault(stretch.presence, []).append(box)
            gap = 8 if stretch.presence is Presence.EXEMPT else bars.HATCH
            steps = svg.hatch(left, top, right, top + 11, gap)
            hatched.setdefault(stretch.presence, []).append(steps)
        self.canvas.path(boxes.get(Presence.CONFIRMED, ()), fill("support"))
        self.canvas.path(boxes.get(Presence.UNVERIFIED, ()), stroke("dim"))
        for presence, role in ((Presence.CONTRADICTED, "against"), (Presence.EXEMPT, "hatch")):
            self.canvas.path(boxes.get(presence, ()), stroke(role))
            self.canvas.path(hatched.get(presence, ()), stroke(role))

    def _centred(self, left: float, right: float, y: float, choices: list[str]) -> None:
        """The first of the choices that fits; none when none does."""
        for told in choices:
            if told and svg.width(told, 10) <= right - left - 4:
                self.canvas.text((left + right) / 2, y, told, size=10, anchor="middle")
                return

    def _axis(self) -> None:
        at = self.at
        self.canvas.path([f"M{PLOT_LEFT} {at.axis}h{PLOT}"], stroke("dim"))
        name = self.seen.clock.offset(self.seen.start_ms)
        self.canvas.text(LEFT, at.axis + 15, name, size=_SMALL, role="dim")
        free = 0.0
        for tick in self.ticks:
            x, half = self.x(tick.at_ms), svg.width(tick.label, 11) / 2
            if x - half < free:  # after the clocks were changed ticks can stand close
                continue
            self.canvas.text(x, at.axis + 15, tick.label, size=11, anchor="middle")
            if tick.day:
                self.canvas.text(x, at.axis + 28, tick.day, size=11, anchor="middle")
            free = x + half + 4
        last = at.axis + (41 if any(tick.day for tick in self.ticks) else 28)
        for change in self.changes:
            half = svg.width(change.label, 10) / 2
            x = min(max(self.x(change.at_ms), PLOT_LEFT + half), PLOT_RIGHT - half)
            self.canvas.text(x, last, change.label, size=10, role="dim", anchor="middle")

    def _foot(self) -> None:
        policy = f"{self.say(labels.POLICY)} {self.seen.assessment.policy_hash[:12]}"
        room = WIDTH - 2 * LEFT - svg.width(policy, _FOOT) - 16
        foot = svg.shortened(self.say(labels.FOOT), _FOOT, room)
        y = self.at.foot + 8
        self.canvas.text(LEFT, y, foot, size=_FOOT, role="dim")
        self.canvas.text(WIDTH - LEFT, y, policy, size=_FOOT, role="dim", anchor="end")


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
        "exempt": bool(assessment.claim.exemptions),
        "punch": True,
        "point": any(not point.mock_location for point in points),
        "mock": any(point.mock_location for point in points),
    }
    return [key for key, is_there in shown.items() if is_there]
