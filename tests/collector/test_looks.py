"""Every look at a person's data is on record before it is answered, and that person can read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.test_cli_commands import CLOCK_INS, PEOPLE, SITES, run, save
from tests.factories.audited import assert_clean
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, Talker, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.attendance.model import Direction
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.directory import carried
from zaigang_collector.directory.carried import Carried
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault import access_log
from zaigang_collector.vault.access_log import Looker
from zaigang_shared.readings import Beacon

READING = (
    Scope.READ_DIRECTORY, Scope.READ_CLOCK_INS, Scope.READ_ASSESSMENTS, Scope.READ_READINGS,
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def laptop(here: Office) -> Talker:
    """A judged day of E001, with readings; E002 has punched as well."""
    made = here.laptop()
    made.works(START, START + 20 * MINUTE_MS, SITE_NET)
    here.a_day()
    here.punch(Direction.IN, START, "in-2", employee_id="E002")
    here.judge()
    return made


def looks(here: Office, person: str = "E001") -> list[tuple[str, str]]:
    """(what, why), the newest first."""
    headers = here.world.token(Scope.READ_LOOKS)
    answer = here.world.client.get(f"/api/v1/people/{person}/looks", headers=headers)
    assert answer.status_code == 200
    return [(one["what"], one["why"]) for one in answer.json()["items"]]


def test_each_way_of_seeing_somebodys_data_is_a_look(here: Office, laptop: Talker) -> None:
    headers = here.world.token(*READING)
    get = here.world.client.get
    (assessment,) = [one.id for one in here.newest() if one.employee_id == "E001"]
    clock_in = get("/api/v1/clock-ins?employee=E001", headers=headers).json()["items"][0]["id"]
    span = "from=2026-09-22T09:00:00%2B08:00&to=2026-09-22T10:00:00%2B08:00"
    readings = get(f"/api/v1/devices/{laptop.device.id}/readings?{span}", headers=headers).json()
    digest = readings["envelopes"][0]["sha256"]
    ways = {
        "/api/v1/people": "the list of people",
        "/api/v1/people/E001": "directory entry and assignments",
        "/api/v1/clock-ins": "a list of clock-ins",
        f"/api/v1/clock-ins/{clock_in}": f"clock-in {clock_in}",
        "/api/v1/assessments": "a list of assessments",
        f"/api/v1/assessments/{assessment}": f"assessment {assessment}",
        f"/api/v1/assessments/{assessment}/versions": f"all versions of assessment {assessment}",
        f"/api/v1/assessments/{assessment}/readings": f"readings behind assessment {assessment}",
        f"/api/v1/envelopes/{digest}": f"envelope 1 of {laptop.device.id}",
    }
    for path, what in ways.items():
        before = len(looks(here))
        assert get(path, headers=headers).status_code == 200
        assert looks(here)[0][0] == what, path
        assert len(looks(here)) == before + 1, path
    assert any(what.startswith(f"readings of {laptop.device.id}, ") for what, _ in looks(here))
    told = here.world.client.get(
        "/api/v1/people/E001/looks", headers=here.world.token(Scope.READ_LOOKS)
    ).json()["items"][0]
    assert told["who"].startswith("API token test (")


def test_what_is_not_seen_is_no_look(here: Office, laptop: Talker) -> None:
    headers = here.world.token(*READING)
    for path in ("/api/v1/people/nobody", "/api/v1/assessments/as-none", "/api/v1/sites",
                 "/api/v1/assessments?employee=E002&presence=exempt"):  # fmt: skip
        here.world.client.get(path, headers=headers)
    here.world.client.get("/api/v1/people/E001")  # without a token
    assert looks(here) == []
    here.world.client.get("/api/v1/clock-ins?employee=E002", headers=headers)
    assert looks(here) == []
    assert looks(here, "E002") == [("a list of clock-ins", access_log.NOT_STATED)]


def test_what_for_is_said_in_any_language_and_kept_to_its_length(
    here: Office, laptop: Talker
) -> None:
    headers = here.world.token(*READING)
    for purpose in ("%E6%A1%88%E4%BB%B6%2017", "x" * 900, " "):
        here.world.client.get("/api/v1/people/E001", headers=headers | {"zaigang-purpose": purpose})
    assert [why for _, why in looks(here)] == [access_log.NOT_STATED, "x" * 200, "案件 17"]
    answer = here.world.client.get(
        "/api/v1/people/E001", headers=headers | {"zaigang-purpose": "x" * 1001}
    )
    assert answer.status_code == 422
    assert len(looks(here)) == 3
    forged = headers | {"zaigang-purpose": "%1b%5b2J%0aforged"}
    assert here.world.client.get("/api/v1/people/E001", headers=forged).status_code == 422
    assert len(looks(here)) == 3


def test_who_looked_is_listed_in_pages_for_whoever_may_ask(here: Office, laptop: Talker) -> None:
    headers = here.world.token(*READING)
    for _ in range(5):
        here.world.client.get("/api/v1/people/E001", headers=headers)
    assert here.world.client.get("/api/v1/people/E001/looks", headers=headers).status_code == 403
    auditor = here.world.token(Scope.READ_LOOKS)
    first = here.world.client.get("/api/v1/people/E001/looks?limit=3", headers=auditor).json()
    rest = here.world.client.get(
        f"/api/v1/people/E001/looks?limit=3&cursor={first['next']}", headers=auditor
    ).json()
    ids = [one["id"] for one in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert rest["next"] is None
    assert here.world.client.get("/api/v1/people/nobody/looks", headers=auditor).status_code == 404


def test_a_look_is_in_the_ledger_sealed_and_goes_with_the_person(
    here: Office, laptop: Talker
) -> None:
    looker = Looker("HR Zhang", "case 17")
    with db.writing(here.world.engine) as conn:
        now_ms = here.world.clock.utc
        random = here.world.randomness
        assert access_log.record(conn, VAULT, looker, "x", ["E001", "E001"], now_ms, random) == 1
        (entry,) = ledger.entries_of(conn, ledger.EntryType.ACCESS, "1")
    assert_clean(here.world.engine)
    with db.reading(here.world.engine) as conn:
        raw = conn.exec_driver_sql("SELECT body FROM vault_look").scalar_one()
        assert b"Zhang" not in raw
        (look,) = access_log.of_person(conn, VAULT, "E001")
    assert (look.who, look.what, look.why) == ("HR Zhang", "x", "case 17")
    with db.writing(here.world.engine) as conn:
        told = forgetting.forget(conn, VAULT, "E001", "asked", "HR", now_ms + HOUR_MS, random)
        assert told.counts["looks"] == 1
        assert access_log.of_person(conn, VAULT, "E001") == ()
        (after,) = ledger.entries_of(conn, ledger.EntryType.ACCESS, "1")
    assert (after.leaf, after.salt) == (entry.leaf, None)


def test_the_command_line_looks_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert main(["init", "--data", str(data)]) == Exit.OK
    for what, text in (("sites", SITES), ("people", PEOPLE), ("clock-ins", CLOCK_INS)):
        assert run(data, what, "import", save(tmp_path, f"{what}.csv", text)) == Exit.OK
    for command in (("people", "list"), ("clock-ins", "list"), ("assessments", "list")):
        assert run(data, *command, "--why", "a test") == Exit.OK
    assert run(data, "people", "show", "E001") == Exit.OK
    capsys.readouterr()
    assert run(data, "people", "looks", "E001") == Exit.OK
    lines = capsys.readouterr().out.splitlines()[1:]
    told = [line.split("\t")[2:] for line in lines]
    assert told == [
        ["directory entry and assignments", access_log.NOT_STATED],
        ["a list of clock-ins", "a test"],
        ["the list of people", "a test"],
    ]
    assert all("command line, " in line for line in lines)
    assert run(data, "people", "looks", "nobody") == Exit.UNKNOWN_ID


def test_a_badge_that_a_node_heard_is_its_wearers_and_nobody_elses_to_see(here: Office) -> None:
    """It always sends the same: whoever reads a node's readings sees who came and when they left."""
    mine, theirs = b"\1" * 20, b"\2" * 20
    node = here.node()
    with db.writing(here.world.engine) as conn:
        for person, identifier in (("E001", mine), ("E002", theirs)):
            badge = Carried(f"badge-{person}", person, "ibeacon", identifier)
            now_ms, randomness = here.world.clock.utc, here.world.randomness
            carried.register(conn, VAULT, badge, now_ms, randomness)
    for at_ms in range(START, START + 10 * MINUTE_MS, MINUTE_MS):
        heard = [_badge_heard(at_ms, identifier) for identifier in (mine, theirs)]
        node.arrive(node.seal(at_ms, heard), at_ms + 300)
    here.a_day()
    here.judge()
    headers = here.world.token(*READING)
    get = here.world.client.get

    (assessment,) = [one.id for one in here.newest()]
    behind = get(f"/api/v1/assessments/{assessment}/readings", headers=headers)
    assert mine.hex() in behind.text
    assert theirs.hex() not in behind.text
    assert looks(here, "E002") == []

    span = "from=2026-09-22T09:00:00%2B08:00&to=2026-09-22T10:00:00%2B08:00"
    answer = get(f"/api/v1/devices/{node.device.id}/readings?{span}", headers=headers)
    digest = answer.json()["envelopes"][0]["sha256"]
    get(f"/api/v1/envelopes/{digest}", headers=headers)
    assert theirs.hex() in answer.text
    for person in ("E001", "E002"):
        told = [what for what, _ in looks(here, person)][:2]
        assert told[0] == f"envelope 1 of {node.device.id}"
        assert told[1].startswith(f"readings of {node.device.id}, ")


def _badge_heard(at_ms: int, identifier: bytes) -> Beacon:
    return Beacon(
        t_ms=at_ms,
        span_ms=MINUTE_MS,
        scheme="badge",
        id=identifier,
        n=5,
        rssi_max=-60,
        rssi_med=-66,
        first_t=at_ms - MINUTE_MS,
        last_t=at_ms - 1_000,
    )
