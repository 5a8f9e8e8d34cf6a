"""A fleet comes in with one token, at once: real processes, real TLS, and the agent's own enrolment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.stack import Stack
from zaigang_agent import enrolment, keys
from zaigang_agent.enrolment import Applicant
from zaigang_agent.errors import EnrolmentError

_LAPTOPS = 24
_AT_ONCE = 12
_PERSON = "E001"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "stack") as made:
        made.prepare()
        made.directory([_PERSON])
        made.start("collector")
        made.wait_ready()
        yield made


def _enrol(stack: Stack, token: str, number: int) -> str:
    folder = stack.folder / f"pc-{number:02}"
    applicant = Applicant(kind="laptop", name=folder.name, platform="linux")
    try:
        return enrolment.enrol(folder, stack.url, token, applicant).device_id
    except EnrolmentError as error:
        return str(error)


def test_one_token_lets_as_many_laptops_in_as_it_says_and_they_wait_to_be_assigned(
    stack: Stack,
) -> None:
    token = stack.token("--unassigned", "--uses", str(_LAPTOPS), "--hours", "1")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = list(pool.map(lambda n: _enrol(stack, token, n), range(_LAPTOPS + 1)))
    enrolled = {one for one in told if one.startswith("lap-")}
    (refused,) = set(told) - enrolled
    assert len(enrolled) == _LAPTOPS
    assert "has been used" in refused
    assert f"{_LAPTOPS} of {_LAPTOPS} used, last 20" in stack.collector("token", "list")

    number = next(n for n, one in enumerate(told) if one in enrolled)
    identity = keys.load(stack.folder / f"pc-{number:02}")
    assert identity.config.config.hours is not None
    assert identity.config.config.hours.shifts == ()  # nobody's laptop looks at nobody

    (stack.folder / "owners.csv").write_text(f"device,employee_id\npc-{number:02},{_PERSON}\n")
    changed = stack.collector("devices", "assign", str(stack.folder / "owners.csv"))
    assert "1 changed hands" in changed
    hours = enrolment.renew(identity).config.config.hours
    assert hours is not None
    assert len(hours.shifts) == 7

    token_id = token.split("-")[1]
    stack.collector("token", "revoke", "enrol", token_id)
    assert "expired" in _enrol(stack, token, _LAPTOPS + 1)
    stack.stop("collector")
    stack.collector("audit")
