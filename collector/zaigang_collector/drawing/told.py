"""What the drawing says in words: to whoever sees it, and to whoever has it read aloud."""

from __future__ import annotations

import hashlib
from typing import Final

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import labels, svg
from zaigang_collector.drawing.layout import LEFT, WIDTH
from zaigang_collector.drawing.page import Page
from zaigang_collector.drawing.picture import state
from zaigang_collector.drawing.svg import fill
from zaigang_collector.matching.model import Presence, Text

_FOOT: Final = 10


def opened(page: Page) -> None:
    claim = page.seen.assessment.claim
    named = repr((claim.employee_id, claim.site_id, claim.start_ms, claim.clock_in_ids))
    # Ids are the page's, and a page may hold several drawings.
    mark = "zg-" + hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:10]
    language = "zh-CN" if page.language is Language.CHINESE else "en"
    title = labels.pair(labels.TITLE, Text(_title(page), _title(page)), page.language)
    page.canvas.add(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {page.at.height}" '
        f'width="{WIDTH}" height="{page.at.height}" role="img" lang="{language}" '
        f'xml:lang="{language}" aria-labelledby="{mark}-t {mark}-d" '
        f"font-family={svg.attribute(svg.FONTS[page.language])}>",
        f'<title id="{mark}-t">{svg.safe(title)}</title>',
        f'<desc id="{mark}-d">',
        "\n".join(svg.safe(line) for line in _described(page).split("\n")),
        "</desc>",
        svg.style(),
    )
    page.canvas.rect(0, 0, WIDTH, page.at.height, fill("paper"))


def heading(page: Page) -> None:
    title = svg.shortened(_title(page), 18, WIDTH - 2 * LEFT)
    page.canvas.text(LEFT, 28, title, size=17, bold=True)
    assessment = page.seen.assessment
    work = ""
    if assessment.presence is not Presence.EXEMPT:  # of which nothing was to be assessed
        work = labels.pair(labels.WORK_TITLE, labels.WORK[assessment.work], page.language)
    room = WIDTH - 2 * LEFT - svg.width(work, 12) - 24
    page.canvas.text(LEFT, 48, svg.shortened(_when(page), 12, room), size=12, role="dim")
    if work:
        page.canvas.text(WIDTH - LEFT, 48, work, size=12, role="dim", anchor="end")


def foot(page: Page) -> None:
    policy = f"{page.say(labels.POLICY)} {page.seen.assessment.policy_hash[:12]}"
    room = WIDTH - 2 * LEFT - svg.width(policy, _FOOT) - 16
    foot = svg.shortened(page.say(labels.FOOT), _FOOT, room)
    y = page.at.foot + 8
    page.canvas.text(LEFT, y, foot, size=_FOOT, role="dim")
    page.canvas.text(WIDTH - LEFT, y, policy, size=_FOOT, role="dim", anchor="end")


def _title(page: Page) -> str:
    seen = page.seen
    verdict = page.say(labels.verdict_name(seen.assessment.presence))
    if seen.assessment.provisional:
        verdict += page.say(labels.PROVISIONAL)
    return " · ".join(one for one in (verdict, seen.subject.person, seen.subject.site) if one)


def _when(page: Page) -> str:
    seen = page.seen
    told = seen.clock.span(seen.start_ms, seen.end_ms)
    zone = seen.clock.zone_told(seen.start_ms, seen.end_ms)
    return labels.bracketed(told, zone, page.language)


def _described(page: Page) -> str:
    """For whoever cannot see it: the reasons, and what each lane says."""
    assessment = page.seen.assessment
    told = [_when(page), *(page.say(reason) for reason in assessment.reasons)]
    for finding in assessment.findings:
        name = labels.signal_name(finding.signal)
        stands = labels.bracketed(page.say(name), page.say(state(finding)), page.language)
        told.append(labels.pair(Text(stands, stands), finding.text, page.language))
    return "\n".join(told)
