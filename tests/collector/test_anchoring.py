"""Anchoring over real HTTP: a local time stamp authority and two collectors as witnesses, honest and
otherwise."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.logs import VKEY, Log
from tests.fakes import database
from tests.fakes.clock import FakeClock
from tests.fakes.pki import Pki
from tests.fakes.tsa import OTHER_POLICY, POLICY, LocalAuthority, Tsa, openssl_accepts
from tests.fakes.witness import listening
from zaigang_collector import db
from zaigang_collector.errors import AnchorError, ConfigError
from zaigang_collector.ledger import anchors, posting, stamping, witnessed
from zaigang_collector.ledger.anchoring import Anchoring, Done, Failed
from zaigang_collector.ledger.outside import Anchored, AnchorKind, Behind, Outside
from zaigang_collector.ledger.posting import Answer
from zaigang_collector.ledger.stamping import StampAuthority
from zaigang_collector.ledger.witnessing import Witness
from zaigang_shared import note as notes
from zaigang_shared import timestamp
from zaigang_shared.errors import ProofError

EVERY_MS = 3_600_000
NOW_MS = FakeClock().utc
# Long enough for a loaded machine to make a signature, short enough to wait for in a test.
POST = posting.poster(20)
IMPATIENT = posting.poster(0.2)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority.create(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def tsa(authority: LocalAuthority) -> Iterator[Tsa]:
    with Tsa(authority) as running:
        yield running


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = database.in_file(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def witness_world(tmp_path: Path) -> Iterator[tuple[ApiWorld, Witness]]:
    (tmp_path / "w").mkdir()
    with api_world(tmp_path / "w", logs=(VKEY,)) as world, listening(world.app) as url:
        yield world, Witness(url, world.witness_key, POST)


def stamper(tsa: Tsa, **changes: object) -> StampAuthority:
    trust = stamping.trusted(tsa.authority.root_file.read_bytes(), "ca.pem")
    return replace(StampAuthority(tsa.url, trust, POLICY, POST), **changes)  # type: ignore[arg-type]  # by name


def asking(engine: Engine, log: Log, *outside: Outside) -> Anchoring:
    return Anchoring(engine, log, outside, EVERY_MS)


def kept(engine: Engine, size: int) -> tuple[anchors.Anchor, ...]:
    with db.reading(engine) as conn:
        return anchors.anchors_of(conn, size)


def test_a_checkpoint_is_stamped_and_the_stamp_is_taken_by_others(
    engine: Engine, tsa: Tsa, tmp_path: Path
) -> None:
    log = Log.of(8)
    outcomes = asking(engine, log, stamper(tsa)).run_once(NOW_MS)
    name = tsa.url.split("/")[2]
    assert outcomes == (Done(name, 8),)
    (anchor,) = kept(engine, 8)
    assert (anchor.kind, anchor.authority, anchor.obtained_ms) == ("rfc3161", name, NOW_MS)
    text = notes.parse(log.checkpoint().note).text.encode()
    stamp = timestamp.verify(anchor.data, text, [tsa.authority.root], policy=POLICY)
    assert stamp.at_ms == anchor.at_ms
    assert openssl_accepts(tmp_path, anchor.data, text, tsa.authority.root_file)
    assert log.pinned == {8}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("500", "answered 500"),
        ("redirect", "answered 302"),
        ("type", "text/html"),
        ("garbage", "does not hold"),
        ("huge", "more than 65536 bytes"),
        ("imprint", "the time stamp is of other data"),
        ("policy", f"stamped under policy {OTHER_POLICY}"),
        ("hangs_up", "it cannot be reached|no HTTP"),
    ],
)
def test_what_is_no_stamp_of_this_is_told_and_not_kept(
    engine: Engine, tsa: Tsa, fault: str, why: str
) -> None:
    tsa.fault = fault
    (outcome,) = asking(engine, Log.of(8), stamper(tsa)).run_once(NOW_MS)
    assert isinstance(outcome, Failed)
    assert re.search(why, outcome.why)
    assert kept(engine, 8) == ()
    with db.reading(engine) as conn:
        (state,) = anchors.states(conn)
    assert (state.failures, state.last_error, state.next_ms) == (
        1,
        outcome.why,
        NOW_MS + anchors.FIRST_RETRY_MS,
    )


def test_an_old_stamp_played_back_does_not_count(engine: Engine, tsa: Tsa) -> None:
    log = Log.of(8)
    made = asking(engine, log, stamper(tsa))
    made.run_once(NOW_MS)
    tsa.fault = "replay"
    log.grow(1)
    (outcome,) = made.run_once(NOW_MS + EVERY_MS)
    assert isinstance(outcome, Failed)
    assert "other data" in outcome.why
    # Not even for the same checkpoint: somebody else's database asks anew.
    fresh = Log.of(8)
    with pytest.raises(AnchorError, match="another request"):
        stamper(tsa).anchor(fresh.checkpoint(), 0, fresh.proof, NOW_MS)


def test_a_stamp_under_another_root_does_not_count(
    engine: Engine, tsa: Tsa, tmp_path: Path
) -> None:
    other = LocalAuthority.create(tmp_path / "other")
    trust = stamping.trusted(other.root_file.read_bytes(), "ca.pem")
    (outcome,) = asking(engine, Log.of(8), stamper(tsa, trust=trust)).run_once(NOW_MS)
    assert isinstance(outcome, Failed)
    assert "does not lead to a trusted root" in outcome.why


def test_an_authority_that_is_down_or_slow_holds_nobody_up(engine: Engine, tsa: Tsa) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    tsa.fault = "silent"
    down = stamper(tsa, url=url)
    slow = stamper(tsa, post=IMPATIENT)
    outcomes = asking(engine, Log.of(8), down, slow).run_once(NOW_MS)
    assert [type(one) for one in outcomes] == [Failed, Failed]
    texts = [one.why for one in outcomes if isinstance(one, Failed)]
    assert "cannot be reached" in texts[0]
    assert "did not answer within 0.2 seconds" in texts[1]


def test_a_drop_a_second_is_no_answer_either() -> None:
    """Each byte comes within the socket's own limit; all of them do not."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not stop.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(AnchorError, match=r"within 0\.2 seconds"):
            IMPATIENT(url, b"", "text/plain")
        stop.set()
        thread.join()


def test_https_is_checked_against_the_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki = Pki.create(tmp_path / "pki")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server_certificate, pki.server_key)

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(connection, server_side=True) as secured,
            ):
                secured.recv(4096)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: A/B; c=d\r\n\r\nhello")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}/x?y=z"
        with pytest.raises(AnchorError, match="its certificate does not hold"):
            POST(url, b"", "text/plain")
        monkeypatch.setenv("SSL_CERT_FILE", str(pki.ca_file))
        assert POST(url, b"", "text/plain") == Answer(200, "a/b", b"hello")
        thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-x\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "no HTTP: IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n" + bytes(70_000), "more than 65536 bytes"),
    ],
)
def test_an_answer_that_is_none_is_an_anchor_error(answer: bytes, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def give() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                asked = b""
                while not asked.endswith(b"\r\n\r\nx"):  # closing with unread bytes is a reset
                    asked += connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=give, daemon=True)
        thread.start()
        with pytest.raises(AnchorError, match=why):
            POST(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"x", "text/plain")
        thread.join()


def test_two_witnesses_and_an_authority_vouch_for_a_ledger_that_grows(
    engine: Engine, tsa: Tsa, witness_world: tuple[ApiWorld, Witness], tmp_path: Path
) -> None:
    world, witness = witness_world
    (tmp_path / "second").mkdir()
    log = Log.of(8)
    with (
        api_world(tmp_path / "second", logs=(VKEY,), witness="second/w") as other,
        listening(other.app) as url,
    ):
        second = Witness(url, other.witness_key, POST)
        made = asking(engine, log, stamper(tsa), witness, second)
        assert [type(one) for one in made.run_once(NOW_MS)] == [Done, Done, Done]
        log.grow(100)
        assert made.run_once(NOW_MS + EVERY_MS - 1) == ()
        assert [type(one) for one in made.run_once(NOW_MS + EVERY_MS)] == [Done, Done, Done]
    assert made.problem is None
    for size in (8, 108):
        whole = notes.parse(log.checkpoint(size).note)
        for anchor in kept(engine, size)[1:]:
            line = notes.parse_signature(anchor.data.decode())
            whole = notes.with_signatures(whole, [line])
        for key in (world.witness_key, other.witness_key):
            assert notes.verify_cosignature(whole, key) == NOW_MS // 1000
    with db.reading(world.engine) as conn:
        assert witnessed.seen(conn, log.origin).size == 108


def test_a_ledger_that_did_not_grow_is_left_alone(
    engine: Engine, witness_world: tuple[ApiWorld, Witness]
) -> None:
    made = asking(engine, Log.of(8), witness_world[1])
    made.run_once(NOW_MS)
    assert made.run_once(NOW_MS + 10 * EVERY_MS) == ()
    assert asking(engine, Log(), witness_world[1]).ask_witnesses(NOW_MS) == ()


def test_a_witness_that_has_seen_more_than_we_remember_goes_on_from_there(
    engine: Engine, witness_world: tuple[ApiWorld, Witness], tmp_path: Path
) -> None:
    """The answer was lost, or the list of anchors: nothing is wrong with the ledger."""
    log = Log.of(8)
    asking(engine, log, witness_world[1]).run_once(NOW_MS)
    (tmp_path / "anew").mkdir()
    forgetful = database.in_file(tmp_path / "anew")
    log.grow(5)
    assert asking(forgetful, log, witness_world[1]).run_once(NOW_MS) == (
        Done(witness_world[1].name, 13),
    )
    same = asking(forgetful, log, witness_world[1])
    assert same.ask_witnesses(NOW_MS) == ()
    forgetful.dispose()


def test_an_older_copy_of_the_ledger_is_told_loudly(
    engine: Engine, witness_world: tuple[ApiWorld, Witness], tmp_path: Path
) -> None:
    asking(engine, Log.of(20), witness_world[1]).run_once(NOW_MS)
    (tmp_path / "backup").mkdir()
    backup = database.in_file(tmp_path / "backup")
    made = asking(backup, Log.of(12), witness_world[1])
    behind = Behind(witness_world[1].name, 20, 12)
    assert made.ask_witnesses(NOW_MS) == (behind,)
    assert made.run_once(NOW_MS + anchors.FIRST_RETRY_MS) == (behind,)
    assert made.problem is not None
    assert "has seen 20 entries of this ledger, the database has 12" in made.problem
    backup.dispose()


@pytest.mark.parametrize("size", [20, 25])
def test_a_backup_that_went_on_is_told_as_another_history(
    engine: Engine, witness_world: tuple[ApiWorld, Witness], tmp_path: Path, size: int
) -> None:
    asking(engine, Log.of(20), witness_world[1]).run_once(NOW_MS)
    (tmp_path / "fork").mkdir()
    other = database.in_file(tmp_path / "fork")
    log = Log.of(12)
    log.grow(size - 12, "later")
    made = asking(other, log, witness_world[1])
    assert made.run_once(NOW_MS) == (Behind(witness_world[1].name, 20, size),)
    assert made.problem is not None
    assert "another ledger of 20 entries" in made.problem
    other.dispose()


def test_a_rewritten_ledger_is_refused_from_what_we_remember_too(
    engine: Engine, witness_world: tuple[ApiWorld, Witness]
) -> None:
    asking(engine, Log.of(20), witness_world[1]).run_once(NOW_MS)
    rewritten = asking(engine, Log.of(25, "rewritten"), witness_world[1])
    assert rewritten.run_once(NOW_MS + EVERY_MS) == (Behind(witness_world[1].name, 20, 25),)


def test_a_ledger_shorter_than_its_own_anchors_asks_nobody(engine: Engine, tsa: Tsa) -> None:
    asking(engine, Log.of(20), stamper(tsa)).run_once(NOW_MS)
    cut = asking(engine, Log.of(19), stamper(tsa))
    assert cut.run_once(NOW_MS + EVERY_MS) == (Behind(stamper(tsa).name, 20, 19),)
    assert len(tsa.requests) == 1


@dataclass
class Scripted:
    """A witness's HTTP, by a list."""

    answers: list[Answer] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, media_type: str) -> Answer:
        self.bodies.append(body)
        return self.answers.pop(0)


WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(b"W" * 32)
WITNESS = notes.verifier_key("w/1", WITNESS_KEY.public_key(), notes.COSIGNATURE)


def line(log: Log, key: Ed25519PrivateKey = WITNESS_KEY, name: str = "w/1", at_s: int = 9) -> bytes:
    text = notes.parse(log.checkpoint().note).text
    return f"{notes.cosigned(text, name, key, at_s)}\n".encode()


def asked(answers: Sequence[Answer], last: int = 0, log: Log | None = None) -> Anchored | Behind:
    log = log or Log.of(8)
    witness = Witness("http://w", WITNESS, Scripted(list(answers)))
    return witness.anchor(log.checkpoint(), last, log.proof, NOW_MS)


def ok(body: bytes) -> Answer:
    return Answer(200, "text/plain", body)


def conflict(body: bytes, media_type: str = "text/x.tlog.size") -> Answer:
    return Answer(409, media_type, body)


def test_a_witness_that_signs_wrongly_does_not_count() -> None:
    other = Ed25519PrivateKey.generate()
    text = notes.parse(Log.of(8).checkpoint().note).text
    wrong_key = notes.Signature("w/1", WITNESS.id, notes.cosigned(text, "w/1", other, 9).value)
    for body in (
        line(Log.of(8), other),
        f"{wrong_key}\n".encode(),
        line(Log.of(9)),
        line(Log.of(8), name="w/2"),
        b"",
        b"\xff",
        b"thanks\n",
    ):
        with pytest.raises(AnchorError, match="its cosignature does not hold"):
            asked([ok(body)])


def test_of_several_lines_the_configured_one_counts() -> None:
    both = line(Log.of(8), Ed25519PrivateKey.generate(), "w/2") + line(Log.of(8))
    assert asked([ok(both)]) == Anchored(9000, line(Log.of(8)).rstrip())


@pytest.mark.parametrize(
    ("status", "why"),
    [(404, "does not know"), (403, "another key"), (400, "answered 400"), (502, "answered 502")],
)
def test_a_refusal_is_told_in_words(status: int, why: str) -> None:
    with pytest.raises(AnchorError, match=why):
        asked([Answer(status, "text/plain", b"")])


@pytest.mark.parametrize(
    "answer",
    [
        conflict(b"5", "text/plain"),
        conflict(b""),
        conflict(b"05"),
        conflict(b"-1"),
        conflict(b"9" * 30),
    ],
)
def test_a_conflict_without_a_size_says_nothing_about_the_ledger(answer: Answer) -> None:
    with pytest.raises(AnchorError, match="without its size"):
        asked([answer])


def test_a_witness_that_moves_while_it_is_asked_is_asked_later() -> None:
    with pytest.raises(AnchorError, match="409 and the size 5 when it was asked from 3"):
        asked([conflict(b"3\n"), conflict(b"5\n")])


def test_an_answer_that_contradicts_itself_says_nothing_about_the_ledger() -> None:
    with pytest.raises(AnchorError, match="409 and the size 3 when it was asked from 3"):
        asked([conflict(b"3\n")], last=3)
    with pytest.raises(AnchorError, match="answered 422"):
        asked([Answer(422, "text/plain", b"")])
    assert asked([Answer(422, "text/plain", b"")], last=3) == Behind("w/1", 3, 8)
    assert asked([conflict(b"8\n")], last=8) == Behind("w/1", 8, 8)
    assert asked([conflict(b"9\n")]) == Behind("w/1", 9, 8)


def test_a_proof_is_sent_from_the_size_that_the_witness_names() -> None:
    log = Log.of(8)
    scripted = Scripted([conflict(b"3\n"), ok(line(log))])
    Witness("http://w", WITNESS, scripted).anchor(log.checkpoint(), 0, log.proof, NOW_MS)
    assert scripted.bodies[0].startswith(b"old 0\n\n")
    assert scripted.bodies[1].startswith(b"old 3\n")
    assert scripted.bodies[1].count(b"\n", 0, scripted.bodies[1].index(b"\n\n")) == len(
        log.proof(3)
    )


@dataclass
class OneOf:
    """Somebody outside who does what a test says."""

    name: str
    does: object
    kind: AnchorKind = AnchorKind.WITNESS
    lasts: list[int] = field(default_factory=list)

    def anchor(
        self, checkpoint: object, last: int, prove: object, now_ms: int
    ) -> Anchored | Behind:
        self.lasts.append(last)
        if isinstance(self.does, Exception):
            raise self.does
        assert isinstance(self.does, Anchored | Behind)
        return self.does


GOOD = Anchored(5, b"proof")


def test_another_collector_on_the_same_database_raises_no_alarm(engine: Engine) -> None:
    """It showed the witness a newer checkpoint between our look and our question."""
    log = Log.of(8)

    class Racing(OneOf):
        def anchor(self, *arguments: object) -> Behind:
            log.grow(4)
            return Behind("w", 12, 8)

    made = asking(engine, log, Racing("w", GOOD))
    assert made.run_once(NOW_MS) == (Failed("w", "it was told a newer checkpoint meanwhile"),)
    assert made.problem is None


def test_who_stops_it_waits_for_one_answer_at_most(engine: Engine) -> None:
    class Stopping(OneOf):
        def anchor(self, *arguments: object) -> Anchored:
            made.stop()
            return GOOD

    second = OneOf("b", GOOD)
    made = asking(engine, Log.of(8), Stopping("a", GOOD), second)
    assert made.run_once(NOW_MS) == (Done("a", 8),)
    assert second.lasts == []


def test_ones_failure_keeps_nobody_else_back(engine: Engine) -> None:
    outside = [
        OneOf("a", AnchorError("it is closed")),
        OneOf("b", ZeroDivisionError()),
        OneOf("c", ProofError("no such leaf")),
        OneOf("d", GOOD),
    ]
    outcomes = asking(engine, Log.of(8), *outside).run_once(NOW_MS)
    assert [type(one) for one in outcomes] == [Failed, Failed, Failed, Done]
    assert outcomes[0] == Failed("a", "it is closed")
    assert [one.authority for one in kept(engine, 8)] == ["d"]


def test_who_fails_is_asked_again_at_longer_and_longer_intervals(engine: Engine) -> None:
    failing = OneOf("w", AnchorError("it is closed"))
    made = asking(engine, Log.of(8), failing)
    now_ms, pauses = NOW_MS, []
    for _ in range(9):
        assert made.run_once(now_ms) != ()
        with db.reading(engine) as conn:
            state = anchors.state_of(conn, AnchorKind.WITNESS, "w")
        assert state is not None
        assert made.run_once(state.next_ms - 1) == ()
        pauses.append((state.next_ms - now_ms) // 60_000)
        now_ms = state.next_ms
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert anchors.pause_ms(100_000) == anchors.LAST_RETRY_MS


def test_failing_for_hours_is_a_problem_and_an_anchor_ends_it(engine: Engine) -> None:
    outside = OneOf("tsa.example", AnchorError("it is closed"), AnchorKind.STAMP)
    made = asking(engine, Log.of(8), outside)
    made.run_once(NOW_MS)
    problems = [made.problem]
    made.run_once(NOW_MS + anchors.OVERDUE_MS)
    problems.append(made.problem)
    with db.reading(engine) as conn:
        assert [one.authority for one in anchors.overdue(conn, NOW_MS + anchors.OVERDUE_MS)] == [
            "tsa.example"
        ]
    outside.does = GOOD
    made.run_once(NOW_MS + 2 * anchors.OVERDUE_MS)
    problems.append(made.problem)
    assert problems == [None, "No anchor from tsa.example for 3 hours: it is closed.", None]
    with db.reading(engine) as conn:
        (state,) = anchors.states(conn)
        assert anchors.overdue(conn, NOW_MS + 9 * anchors.OVERDUE_MS) == ()
    assert (state.failures, state.last_error, state.failing_since_ms) == (0, None, None)


def test_who_is_not_asked_any_more_is_no_problem(engine: Engine) -> None:
    asking(engine, Log.of(8), OneOf("old", AnchorError("it is closed"))).run_once(NOW_MS)
    made = asking(engine, Log.of(8))
    made.run_once(NOW_MS + anchors.OVERDUE_MS)
    assert made.problem is None


def test_being_behind_ends_as_a_problem_when_a_witness_is_content(engine: Engine) -> None:
    outside = OneOf("w", Behind("w", 9, 8))
    made = asking(engine, Log.of(8), outside)
    made.run_once(NOW_MS)
    problems = [made.problem]
    outside.does = GOOD
    made.run_once(NOW_MS + anchors.FIRST_RETRY_MS)
    assert [*problems, made.problem] == [Behind("w", 9, 8).sentence, None]


def test_anchors_are_found_by_size(engine: Engine) -> None:
    log = Log.of(8)
    made = asking(engine, log, OneOf("w", GOOD), OneOf("t", GOOD, AnchorKind.STAMP))
    made.run_once(NOW_MS)
    log.grow(8)
    made.run_once(NOW_MS + EVERY_MS)
    with db.reading(engine) as conn:
        newest = anchors.newest(conn)
        assert newest is not None
        assert (newest.size, newest.kind) == (16, AnchorKind.STAMP)
        assert [
            found and found.size for found in (anchors.first_from(conn, n) for n in (1, 8, 9, 17))
        ] == [8, 8, 16, None]
        assert anchors.anchors_of(conn, 9) == ()


def test_the_first_anchor_of_a_size_stays(engine: Engine) -> None:
    log = Log.of(8)
    asking(engine, log, OneOf("w", GOOD)).run_once(NOW_MS)
    asking(engine, log, OneOf("w", Anchored(6, b"later"))).ask_witnesses(NOW_MS + 1)
    (anchor,) = kept(engine, 8)
    assert (anchor.data, anchor.obtained_ms) == (b"proof", NOW_MS)


def test_certificates_that_lead_nowhere_are_refused_at_once(authority: LocalAuthority) -> None:
    for pem, why in (
        (b"", "does not hold certificates"),
        ((authority.folder / "tsa.pem").read_bytes(), "no root certificate"),
    ):
        with pytest.raises(ConfigError, match=why):
            stamping.trusted(pem, "tsa.pem")
    both = (authority.folder / "tsa.pem").read_bytes() + authority.root_file.read_bytes()
    found = stamping.trusted(both, "both.pem")
    assert (len(found.roots), len(found.intermediates)) == (1, 1)
