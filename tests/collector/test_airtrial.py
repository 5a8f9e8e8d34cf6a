"""Real air: the UCI set's format is read strictly, and the signal tells rooms apart in it."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import real_air as make
from zaigang_collector.airtrial import reading, trial
from zaigang_collector.airtrial.reading import AirSample
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.errors import CsvError
from zaigang_collector.matching.policy import default_policy

SETUP = trial.Setup(default_policy(), seed=1, coverage=0.9)


def read(text: str) -> tuple[AirSample, ...]:
    return reading.read(text.encode())


def problems(text: str) -> list[str]:
    with pytest.raises(CsvError) as caught:
        read(text)
    return [str(one) for one in caught.value.problems]


def test_a_line_of_the_set_is_read_as_it_stands() -> None:
    (found,) = read(make.text([make.line(1, make.BEGIN)]))
    # 2015-02-04 17:51:00, counted by `date -u -d`.
    assert found == AirSample(1_423_072_260_000, 23.18, 27.272)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + make.text([make.line(1, make.BEGIN)]),
        make.text([make.line(1, make.BEGIN)], "\r\n"),
        make.text([make.line(140, make.BEGIN)]),  # datatest.txt begins so
        make.text([make.line(1, make.BEGIN)]).replace('"', ""),
        make.text([make.line(1, make.BEGIN).partition(",")[2]]),  # without the number
        '"",' + make.text([make.line(1, make.BEGIN)]),  # a header that names it
        make.text(["", make.line(1, make.BEGIN), ""]),
    ],
    ids=["mark", "crlf", "datatest", "bare", "unnumbered", "named", "blank lines"],
)
def test_the_variants_of_the_set_are_the_same(text: str) -> None:
    assert read(text) == read(make.text([make.line(1, make.BEGIN)]))


@pytest.mark.parametrize(
    ("temp", "rh", "column"),
    [
        ("NaN", 27.2, "Temperature"),
        ("inf", 27.2, "Temperature"),
        ("", 27.2, "Temperature"),
        (74.1, 27.2, "Temperature"),
        (-300, 27.2, "Temperature"),
        ("1_0", 27.2, "Temperature"),
        ("1e999", 27.2, "Temperature"),
        (23.1, "nan", "Humidity"),
        (23.1, 0, "Humidity"),
        (23.1, 100.5, "Humidity"),
        (23.1, "٣٣", "Humidity"),
    ],
)
def test_a_value_that_no_room_has_is_named_with_its_line(
    temp: object, rh: object, column: str
) -> None:
    later = make.BEGIN + dt.timedelta(minutes=1)
    (told,) = problems(make.text([make.line(1, make.BEGIN), make.line(2, later, temp, rh)]))
    assert told.startswith(f"line 3, column {column}: expected ")


def test_every_problem_is_told_at_once() -> None:
    told = problems(
        make.text(
            [
                make.line(1, make.BEGIN, "x", "y"),
                "1,2",
                make.line(3, make.BEGIN),
                make.line(4, make.BEGIN),  # the same minute again
                '"5","2015-02-31 10:00:00",23,27,0,0,0,0',
                '"6","04/02/2015 10:00",23,27,0,0,0,0',
            ]
        )
    )
    assert [one.partition(": ")[0] for one in told] == [
        "line 2, column Temperature",
        "line 2, column Humidity",
        "line 3",
        "line 5, column date",
        "line 6, column date",
        "line 7, column date",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", make.HEADER, "date,Temperature\n", '"date', "\0"])
def test_a_file_without_measurements_is_refused_with_what_was_expected(text: str) -> None:
    assert all("expected" in one for one in problems(text))


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: (make.HEADER + "\n" + text).encode())
)
@settings(max_examples=200)
def test_any_bytes_are_samples_in_order_or_a_named_error(data: bytes) -> None:
    try:
        found = reading.read(data)
    except CsvError:
        return
    assert found
    assert [one.at_ms for one in found] == sorted({one.at_ms for one in found})


@given(
    st.lists(
        st.tuples(
            st.integers(1, 90),
            st.floats(-30, 60).map(lambda value: round(value, 4)),
            st.floats(1, 100).map(lambda value: round(value, 4)),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_in_the_format_is_read_back(
    lines: list[tuple[int, float, float]], end: str
) -> None:
    at, written, expected = make.BEGIN, [], []
    for number, (minutes, temp_c, rh_pct) in enumerate(lines, 1):
        at += dt.timedelta(minutes=minutes)
        written.append(make.line(number, at, f"{temp_c:.4f}", f"{rh_pct:.4f}"))
        expected.append((temp_c, rh_pct))
    found = read(make.text(written, end))
    assert [(one.temp_c, one.rh_pct) for one in found] == expected
    steps = [later.at_ms - one.at_ms for one, later in itertools.pairwise(found)]
    assert steps == [minutes * 60_000 for minutes, _, _ in lines[1:]]


# ---- what the signal says; the air is made up, the counting is what is tested


def test_two_sensors_in_one_room_support_and_other_air_contradicts() -> None:
    room = read(make.a_room(55))
    humid = read(make.a_room(55, temp_c=25.0, rh_pct=60.0, phase=2.0))

    same = trial.same_room(room, SETUP)
    other = trial.elsewhere(room, humid, 0, SETUP)

    assert same is not None
    assert other is not None
    assert same.environment.hours == other.environment.hours == 54  # six stretches
    assert same.environment.contradicting == other.environment.supporting == 0
    assert same.environment.supporting > 40
    assert other.environment.contradicting == 54
    assert same.movement.supporting > 40
    assert same.movement.contradicting == 0
    assert other.movement.contradicting > 40


def test_the_same_seed_draws_the_same_sensors() -> None:
    room = read(make.a_room(20))
    assert trial.same_room(room, SETUP) == trial.same_room(room, SETUP)


def test_nothing_contradicts_where_nobody_knows_the_coverage() -> None:
    room, humid = read(make.a_room(20)), read(make.a_room(20, rh_pct=70.0))
    said = trial.elsewhere(room, humid, 0, trial.Setup(default_policy(), 1, coverage=0.0))
    assert said is not None
    assert said.environment.contradicting == 0


def test_a_stretch_with_a_hole_is_not_judged() -> None:
    whole = make.a_room(9).splitlines()
    assert trial.same_room(read("\n".join(whole)), SETUP) is not None
    assert trial.same_room(read("\n".join(whole[:200] + whole[300:])), SETUP) is None


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room, other = tmp_path / "datatraining.txt", tmp_path / "datatest.txt"
    room.write_text(make.a_room(40))
    other.write_text(make.a_room(40, rh_pct=55.0))

    assert main(["air", str(room), "--other", str(other), "--shift-h", "20"]) == Exit.OK

    table = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert table[0][:3] == ["signal", "carried sensor", "hours"]
    assert [line[:2] for line in table[1:7]] == [
        ["environment", "same room"],
        ["movement", "same room"],
        ["environment", "the same file 20 h later"],
        ["movement", "the same file 20 h later"],
        ["environment", "the other file"],
        ["movement", "the other file"],
    ]
    for line in table[1:7]:
        assert int(line[2]) == sum(map(int, line[3:6])) > 0


def test_the_command_names_the_file_and_the_line_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(make.a_room(10))
    bad.write_text(make.text([make.line(1, make.BEGIN, "nan")]))

    assert main(["air", str(bad)]) == Exit.BAD_INPUT
    assert f"{bad}: 1 problem" in capsys.readouterr().err
    assert main(["air", str(good), "--other", str(bad)]) == Exit.BAD_INPUT
    assert f"{bad}: 1 problem" in capsys.readouterr().err
    assert main(["air", str(tmp_path / "none.txt")]) == Exit.CONFIG
