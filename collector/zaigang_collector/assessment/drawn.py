"""Stored assessments drawn: with the names of the directory, and the bounds of their own policy."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from zaigang_collector.assessment import store
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.picture import Bounds, Subject
from zaigang_collector.drawing.table import Table, timeline_table
from zaigang_collector.drawing.timeline import timeline_svg
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import Assessment


def timeline(conn: Connection, stored: StoredAssessment, language: Language) -> str:
    """SVG."""
    bounds = _bounds(store.policy_body(conn, stored.policy_hash))
    return timeline_svg(_assessment(stored), _subject(conn, stored), language, bounds)


def table(conn: Connection, stored: StoredAssessment, language: Language) -> Table:
    """The same as rows, one for each slot."""
    subject = _subject(conn, stored)
    return timeline_table(_assessment(stored), subject, language, every_slot=True)


def _assessment(stored: StoredAssessment) -> Assessment:
    return codec.decode(json.loads(stored.body))


def _subject(conn: Connection, stored: StoredAssessment) -> Subject:
    """Names as they are today; of who or what is gone, the id."""
    person = directory.get_employee(conn, stored.employee_id)
    site = directory.get_site(conn, stored.site_id)
    return Subject(
        stored.employee_id if person is None else person.name,
        stored.site_id if site is None else site.name,
        "UTC" if site is None else site.time_zone,
    )


def _bounds(policy: bytes) -> Bounds:
    """Of the policy that it was judged with: a newer version's may have other numbers, and more."""
    numbers = json.loads(policy)
    return Bounds(numbers["confirm_posterior"], 1.0 - numbers["contradict_posterior"])
