"""Session helpers: the lines, and whom the service lets in and cuts off."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import FakeClock
from zaigang_agent.platforms import helper_line
from zaigang_agent.platforms.base import InSession
from zaigang_agent.platforms.helper_line import IDLE_STEPS_MS, WHY, LineError, Question
from zaigang_agent.platforms.helper_server import Channel, Helpers
from zaigang_agent.session_helper import Answerer, run, serve

ASKED = Question(7, ("code", "freecad"))
ACTIVE = InSession(1_234, 1, False, "code", False)
names = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=64),
    max_size=20,
    unique=True,
).map(tuple)
sights = st.builds(
    InSession,
    idle_ms=st.none() | st.integers(-5, 10**9),
    idle_step_ms=st.sampled_from([1, 5_000]),
    locked=st.sampled_from([None, True, False]),
    front=st.none() | st.just("") | st.sampled_from(["code", "freecad", "solitaire"]),
    regular=st.booleans(),
)

# ---- the lines


@given(st.integers(0, 999_999_999), names)
def test_a_question_is_read_as_it_was_asked(serial: int, asked: tuple[str, ...]) -> None:
    line = helper_line.question(Question(serial, asked))
    assert helper_line.read_question(line) == Question(serial, asked)


@given(sights, st.sampled_from(sorted(WHY)))
def test_an_answer_says_what_was_seen_and_nothing_finer(seen: InSession, why: str) -> None:
    line = helper_line.answer(ASKED.serial, seen, ASKED.names, why)
    assert len(line) <= helper_line.MAX_ANSWER
    told = helper_line.read_answer(line, ASKED)
    assert (told.locked, told.regular, told.problem) == (seen.locked, seen.regular, WHY[why])
    if seen.idle_ms is None:
        assert told.idle_ms is None
    else:
        assert told.idle_ms is not None
        assert told.idle_ms in IDLE_STEPS_MS
        assert told.idle_ms <= max(0, seen.idle_ms)
        assert max(0, seen.idle_ms) - told.idle_ms < 1_000 or told.idle_ms >= 10_000
    listed = seen.front if seen.front in ("code", "freecad", None) else ""
    assert told.front == listed
    assert b"solitaire" not in line


@given(st.binary(max_size=80) | st.from_regex(rb"ZS1= \d{1,3} [-0-9]{1,3} [01] [-01] [-0-9] ok\n"))
def test_any_bytes_are_an_answer_or_our_error(line: bytes) -> None:
    try:
        seen = helper_line.read_answer(line, ASKED)
    except LineError:
        return
    assert seen.idle_ms is None or seen.idle_ms in IDLE_STEPS_MS
    assert seen.front in (None, "", *ASKED.names)


@given(st.binary(max_size=80) | st.from_regex(rb"ZS[12]\? \d{1,3}(\t[a-z\xff]{1,9}){0,3}\n"))
def test_any_bytes_are_a_question_or_our_error(line: bytes) -> None:
    try:
        asked = helper_line.read_question(line)
    except LineError:
        return
    assert all(asked.names) or not asked.names


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"ZS1= 8 0 0 0 - ok\n", "not asked"),
        (b"ZS1= 7 0 0 0 3 ok\n", "does not exist"),
        (b"ZS1= 7 99 0 0 - ok\n", "does not exist"),
        (b"ZS2= 7 0 0 0 - ok fine\n", "another version"),
        (b"ZS1!\n", "another version"),
        (b"ZS1= 7 0 0 0 - ok\n\n", "does not speak as one"),
        (b"hello\n", "does not speak as one"),
    ],
)
def test_an_answer_that_does_not_hold_says_why(line: bytes, said: str) -> None:
    with pytest.raises(LineError, match=said):
        helper_line.read_answer(line, ASKED)


def test_a_word_of_a_newer_helper_counts_as_refused() -> None:
    told = helper_line.read_answer(b"ZS1= 7 - 0 - - sandboxed\n", ASKED)
    assert told.problem == WHY["refused"]


def test_names_that_do_not_fit_are_not_asked_for() -> None:
    assert helper_line.askable({"b", "a"}) == ("a", "b")
    assert helper_line.askable({"a\tb"}) is None
    assert helper_line.askable({"n" * 65}) is None
    assert helper_line.askable({f"name{n}" for n in range(401)}) is None


# ---- the helper's side


class Seat:
    """A session whose sight is set by the test."""

    def __init__(self, seen: InSession = ACTIVE) -> None:
        self.seen = seen
        self.asked: list[Sequence[str]] = []

    def look(self, names: Sequence[str]) -> InSession:
        self.asked.append(names)
        return self.seen


def test_a_helper_looks_only_when_it_is_asked() -> None:
    seat = Seat()
    answerer = Answerer(seat, FakeClock())
    assert seat.asked == []
    line = answerer.answer(helper_line.question(ASKED))
    assert seat.asked == [ASKED.names]
    assert helper_line.read_answer(line, ASKED) == InSession(1_000, 1_000, False, "code", False)


def test_a_mouse_mover_is_noticed_where_its_inputs_are_seen_and_after_a_silence_anew() -> None:
    clock, seat = FakeClock(boot=0), Seat()
    answerer = Answerer(seat, clock)
    told = []
    for _ in range(30):
        clock.advance(10_000)
        seat.seen = InSession(clock.boot % 4_000, 1, False, "", None)
        told.append(helper_line.read_answer(answerer.answer(helper_line.question(ASKED)), ASKED))
    assert told[-1].regular is True
    clock.advance(61_000)
    line = answerer.answer(helper_line.question(ASKED))
    assert helper_line.read_answer(line, ASKED).regular is False


def test_what_is_missing_is_said_with_its_reason() -> None:
    seat = Seat(InSession(None, 1, None, None, None, WHY["wayland"]))
    line = Answerer(seat, FakeClock()).answer(helper_line.question(ASKED))
    assert line.endswith(b" wayland\n")
    seat.seen = InSession(None, 1, None, None, None, "something else")
    assert Answerer(seat, FakeClock()).answer(helper_line.question(ASKED)).endswith(b" refused\n")


def test_a_helper_that_is_asked_in_another_version_says_so_and_hangs_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"ZS2? 1\n")
        with pytest.raises(LineError, match="update agent and helper"):
            serve(ours, Answerer(Seat(), FakeClock()))
        assert theirs.recv(64) == helper_line.OTHER_VERSION


def test_questions_in_pieces_and_in_a_row_are_answered_one_by_one() -> None:
    ours, theirs = socket.socketpair()
    first, second = (helper_line.question(Question(n, ("code",))) for n in (1, 2))
    with ours, theirs:
        theirs.sendall(first + second[:5])
        theirs.sendall(second[5:])
        theirs.shutdown(socket.SHUT_WR)
        serve(ours, Answerer(Seat(), FakeClock()))
        assert theirs.recv(256) == b"ZS1= 1 1 0 0 1 ok\nZS1= 2 1 0 0 1 ok\n"


def test_a_helper_connects_again_ever_more_seldom_and_complains_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paused: list[float] = []

    def refused() -> socket.socket:
        raise ConnectionRefusedError

    def pause(seconds: float) -> bool:
        paused.append(seconds)
        return len(paused) == 6

    run(refused, Answerer(Seat(), FakeClock()), pause)
    assert paused == [5, 10, 30, 60, 60, 60]
    assert capsys.readouterr().err.count("no agent to be found") == 1


# ---- the service's side


@dataclass
class Other:
    """A channel to somebody who answers as the test wants."""

    owner: int
    reply: Callable[[Question], bytes | None] = lambda asked: helper_line.answer(
        asked.serial, ACTIVE, asked.names, "ok"
    )
    waiting: bytes = b""
    hung_up: bool = False
    closed: bool = False
    asked: list[Question] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        assert not self.closed
        question = helper_line.read_question(data)
        self.asked.append(question)
        said = self.reply(question)
        if said is None:
            self.hung_up = True
        else:
            self.waiting += said

    def receive(self, most: int, timeout_ms: int) -> bytes:
        assert timeout_ms >= 0
        if not self.waiting:
            if self.hung_up:
                return b""
            raise TimeoutError
        data, self.waiting = self.waiting[:most], self.waiting[most:]
        return data

    def close(self) -> None:
        self.closed = True


class Knocking:
    """A listener with a queue."""

    def __init__(self) -> None:
        self.queue: list[Channel] = []

    def accept(self) -> Channel | None:
        return self.queue.pop(0) if self.queue else None

    def close(self) -> None:
        self.queue.clear()


class Service:
    def __init__(self) -> None:
        self.clock, self.door = FakeClock(), Knocking()
        self.helpers = Helpers(self.door, self.clock)

    def ask(
        self,
        owner: int = 1000,
        owners: Collection[int] = (1000,),
        names: Collection[str] = ("code",),
    ) -> InSession | None:
        return self.helpers.ask(owner, owners, names)

    def comes(self, other: Other) -> Other:
        self.door.queue.append(other)
        return other


def test_a_helper_answers_for_its_own_user() -> None:
    service = Service()
    mine = service.comes(Other(1000))
    theirs = service.comes(Other(1001))
    seen = service.ask(1000, (1000, 1001))
    assert seen is not None
    assert (seen.idle_ms, seen.front) == (1_000, "code")
    assert (len(mine.asked), len(theirs.asked)) == (1, 0)
    assert service.helpers.connected == 2


def test_somebody_without_a_session_is_not_let_in() -> None:
    service = Service()
    stranger = service.comes(Other(33))
    assert service.ask() is None
    assert stranger.closed
    assert service.helpers.connected == 0


def test_who_logged_out_is_not_kept() -> None:
    service = Service()
    mine = service.comes(Other(1000))
    assert service.ask() is not None
    assert service.ask(1001, (1001,)) is None
    assert mine.closed


def test_one_helper_each_and_the_first_stays_while_it_lives() -> None:
    service = Service()
    first, second = service.comes(Other(1000)), service.comes(Other(1000))
    assert service.ask() is not None
    assert (first.closed, second.closed) == (False, True)
    first.hung_up = True
    third = service.comes(Other(1000))
    assert service.ask() is not None
    assert (first.closed, third.closed, len(third.asked)) == (True, False, 1)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda _: b"nonsense\n", "does not speak as one"),
        (lambda _: b"x" * 100, "more than an answer"),
        (lambda asked: b"ZS1= %d 0 0 0 - ok\n" % (asked.serial - 1), "not asked"),
        (lambda asked: b"ZS1= %d 0 0 0 - ok\nmore" % asked.serial, "does not speak as one"),
        (lambda _: b"", "did not answer in time"),
        (lambda _: b"ZS1= ", "did not answer in time"),
        (lambda _: b"ZS9!\n", "another version"),
    ],
)
def test_who_does_not_answer_as_a_helper_is_cut_off_and_barred(
    reply: Callable[[Question], bytes], said: str
) -> None:
    service = Service()
    bad = service.comes(Other(1000, reply))
    assert service.ask() is None
    assert bad.closed
    assert said in str(service.helpers.problem)
    good = service.comes(Other(1000))
    assert service.ask() is None  # its user is barred for a while
    assert good.closed
    service.clock.advance(10_000)
    service.comes(Other(1000))
    assert service.ask() is not None
    assert service.helpers.problem is None


def test_who_goes_on_like_that_is_barred_for_longer_up_to_an_hour() -> None:
    service = Service()
    barred_s = []
    for _ in range(12):
        service.comes(Other(1000, lambda _: b"nonsense\n"))
        assert service.ask() is None
        waited_s = 0
        while not service.helpers.connected:
            service.clock.advance(5_000)
            waited_s += 5
            service.comes(Other(1000, lambda _: b"nonsense\n"))
            service.helpers._admit((1000,))
        barred_s.append(waited_s)
        service.helpers._close(1000)
    assert barred_s[:4] == [10, 20, 40, 80]
    assert max(barred_s) == 3_600


def test_who_speaks_without_being_asked_is_cut_off() -> None:
    service = Service()
    chatty = service.comes(Other(1000))
    assert service.ask() is not None
    chatty.waiting = b"ZS1= 99 0 0 0 - ok\n"
    assert service.ask() is None
    assert chatty.closed
    assert "without being asked" in str(service.helpers.problem)


def test_an_answer_counts_for_its_own_question_only() -> None:
    service = Service()
    late = service.comes(Other(1000))
    assert service.ask() is not None
    answered = late.asked[-1]
    late.reply = lambda asked: helper_line.answer(answered.serial, ACTIVE, asked.names, "ok")
    assert service.ask() is None


def test_who_hung_up_is_gone_without_a_bar() -> None:
    service = Service()
    service.comes(Other(1000, lambda _: None))
    assert service.ask() is None
    service.comes(Other(1000))
    assert service.ask() is not None


def test_a_list_that_does_not_fit_leaves_the_foreground_unknown() -> None:
    service = Service()
    service.comes(Other(1000))
    seen = service.ask(names=("x" * 100,))
    assert seen is not None
    assert (seen.idle_ms, seen.front) == (1_000, None)


class Doors(RuleBasedStateMachine):
    """Whatever comes, there is one helper for each session, and answers are of its own user."""

    def __init__(self) -> None:
        super().__init__()
        self.service = Service()
        self.owners = {1000, 1001}
        self.others: list[Other] = []

    @rule(owner=st.sampled_from([0, 1000, 1001, 1002]), said=st.binary(max_size=70))
    def a_stranger_comes(self, owner: int, said: bytes) -> None:
        self.others.append(self.service.comes(Other(owner, lambda _: said)))

    @rule(owner=st.sampled_from([1000, 1001]))
    def a_helper_comes(self, owner: int) -> None:
        self.others.append(self.service.comes(Other(owner)))

    @rule(number=st.integers(0, 50), said=st.binary(max_size=70))
    def somebody_speaks(self, number: int, said: bytes) -> None:
        if number < len(self.others):
            self.others[number].waiting += said

    @rule(number=st.integers(0, 50))
    def somebody_hangs_up(self, number: int) -> None:
        if number < len(self.others):
            self.others[number].hung_up = True

    @rule(owners=st.sets(st.sampled_from([1000, 1001])))
    def people_come_and_go(self, owners: set[int]) -> None:
        self.owners = owners

    @rule(owner=st.sampled_from([1000, 1001]), after_ms=st.sampled_from([0, 10_000, 3_600_000]))
    def the_service_looks(self, owner: int, after_ms: int) -> None:
        self.service.clock.advance(after_ms)
        seen = self.service.ask(owner, self.owners)
        asked = {o.owner for o in self.others if o.asked}
        assert seen is None or owner in self.owners
        assert 0 not in asked
        assert 1002 not in asked

    @invariant()
    def one_each(self) -> None:
        assert self.service.helpers.connected <= 2


TestDoors = Doors.TestCase
