"""Counter, chain and deletion hold whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.agent import BOOT, COLLECTOR, DEVICE_ID, Store, a_usage, key_named
from zaigang_agent import spoolfile
from zaigang_agent.errors import (
    IdentityError,
    SpoolError,
    SpoolFullError,
    SpoolRolledBackError,
)
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool
from zaigang_agent.spoolfile import FILE
from zaigang_shared import receipt
from zaigang_shared.receipt import Receipt

KEY = key_named("device")
OPEN = receipt.open_receipt


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    Spool.create(tmp_path, DEVICE_ID)
    return tmp_path


@pytest.fixture
def spool(state_dir: Path) -> Iterator[Spool]:
    with Spool.open(state_dir, DEVICE_ID) as opened:
        yield opened


def seal(spool: Spool, count: int = 1, *, up_ms: int = 1000, reserve: bool = False) -> None:
    sealer = Sealer(spool, KEY, DEVICE_ID)
    for _ in range(count):
        buffer = Buffer()
        buffer.add(a_usage(up_ms))
        sealer.seal(buffer, Stamp(BOOT, up_ms, 1_790_000_000_000, True), reserve=reserve)


def stored(spool: Spool) -> Store:
    store = Store(KEY.public_key())
    for _, data in spool.after(0, 10_000):
        store.take(data)
    return store


def settle(spool: Spool, data: bytes) -> int:
    return spool.settle(OPEN(data, COLLECTOR.public_key()), data)


def test_envelopes_are_chained_from_zeros_without_a_gap(spool: Spool) -> None:
    seal(spool, 5)
    store = stored(spool)
    store.check_chain()
    assert spool.last_seq == store.through == spool.waiting == 5


def test_a_restart_goes_on_where_it_was(state_dir: Path) -> None:
    for _ in range(3):
        with Spool.open(state_dir, DEVICE_ID) as spool:
            seal(spool, 2)
    with Spool.open(state_dir, DEVICE_ID) as spool:
        stored(spool).check_chain()
        assert spool.last_seq == 6


def test_a_receipt_deletes_what_it_covers_and_nothing_else(spool: Spool) -> None:
    seal(spool, 5)
    assert settle(spool, stored(spool).receipt(through=3)) == 3
    assert [seq for seq, _ in spool.after(0, 10)] == [4, 5]
    assert (spool.waiting, spool.through) == (2, 3)


def test_an_older_or_repeated_receipt_changes_nothing(spool: Spool) -> None:
    seal(spool, 5)
    store = stored(spool)
    settle(spool, store.receipt(through=4))
    assert settle(spool, store.receipt(through=4)) == 0
    assert settle(spool, store.receipt(through=2)) == 0
    assert spool.waiting == 1


def settled_once(spool: Spool) -> None:
    """The first receipt after a start is kept at once; those after it are held."""
    seal(spool)
    settle(spool, stored(spool).receipt())
    assert not spool.holds_receipt


def test_a_receipt_and_the_envelope_that_quotes_it_are_kept_together(
    spool: Spool, state_dir: Path
) -> None:
    seal(spool)
    first = stored(spool)
    settle(spool, first.receipt())
    seal(spool)
    [(seq, data)] = spool.after(0, 10)
    first.take(data)
    word = first.receipt(through=seq)
    assert settle(spool, word) == 1
    assert (spool.holds_receipt, spool.waiting, spool.through, spool.receipt()) == (
        True, 0, 2, word,
    )  # fmt: skip
    assert spool.after(0, 10) == []
    with Spool.peek(state_dir) as seen:  # what a power cut would leave
        assert (seen.through, seen.waiting) == (1, 1)
    seal(spool)
    assert not spool.holds_receipt
    with Spool.peek(state_dir) as seen:
        assert (seen.through, seen.waiting, seen.receipt()) == (2, 1, word)
        [(_, data)] = seen.after(0, 10)
    assert Store(KEY.public_key()).take(data).seal.rcpt == hashlib.sha256(word).digest()


def test_a_receipt_that_a_crash_took_away_is_given_again(state_dir: Path) -> None:
    with Spool.open(state_dir, DEVICE_ID) as spool:
        seal(spool)
        store = stored(spool)
        settle(spool, store.receipt())
        seal(spool, 2)
        for _, data in spool.after(0, 10):
            store.take(data)
        settle(spool, store.receipt())
        assert spool.waiting == 0
    with Spool.open(state_dir, DEVICE_ID) as spool:
        assert spool.waiting == 2
        for _, data in spool.after(0, 10):
            store.take(data)  # the same bytes, so no fork
        seal(spool)
        for _, data in spool.after(0, 10):
            store.take(data)
        store.check_chain()
        assert settle(spool, store.receipt()) == 3


def test_another_head_is_noticed_while_a_receipt_is_held_and_for_good(
    spool: Spool, state_dir: Path
) -> None:
    settled_once(spool)
    seal(spool)
    [(seq, data)] = spool.after(0, 10)
    word = receipt.sign_receipt(
        COLLECTOR, Receipt(DEVICE_ID, seq, hashlib.sha256(data).digest(), 9)
    )
    settle(spool, word)
    assert spool.holds_receipt
    with pytest.raises(SpoolRolledBackError):
        settle(spool, receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, seq, bytes(32), 9)))
    with Spool.peek(state_dir) as seen:
        assert seen.broken() is not None


def test_an_orderly_stop_keeps_the_receipt(spool: Spool, state_dir: Path) -> None:
    settled_once(spool)
    seal(spool)
    [(seq, data)] = spool.after(0, 10)
    word = Receipt(DEVICE_ID, seq, hashlib.sha256(data).digest(), 9)
    settle(spool, receipt.sign_receipt(COLLECTOR, word))
    spool.mark_stopped()
    with Spool.peek(state_dir) as seen:
        assert (seen.through, seen.waiting) == (seq, 0)


def test_on_a_full_disk_a_held_receipt_makes_room_first(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled_once(spool)
    seal(spool)
    [(seq, data)] = spool.after(0, 10)
    word = Receipt(DEVICE_ID, seq, hashlib.sha256(data).digest(), 9)
    settle(spool, receipt.sign_receipt(COLLECTOR, word))
    real = Spool._attempt

    def attempt(self: Spool, write: object) -> object:
        if self._held is not None and write != self._write_receipt:
            raise SpoolFullError("there is no room left on the disk")
        return real(self, write)  # type: ignore[arg-type]  # a generic method, replaced whole

    monkeypatch.setattr(Spool, "_attempt", attempt)
    seal(spool)
    assert (spool.holds_receipt, spool.waiting) == (False, 1)


def test_the_next_envelope_quotes_the_newest_receipt(spool: Spool) -> None:
    seal(spool)
    word = stored(spool).receipt()
    settle(spool, word)
    seal(spool)
    [(_, data)] = spool.after(0, 10)
    assert Store(KEY.public_key()).take(data).seal.rcpt == hashlib.sha256(word).digest()


@pytest.mark.parametrize("head", [bytes([1]) * 32, bytes(32)])
def test_a_receipt_ahead_of_us_means_that_the_spool_was_rolled_back(
    spool: Spool, head: bytes
) -> None:
    seal(spool, 2)
    word = receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, 7, head, 5))
    with pytest.raises(SpoolRolledBackError, match=r"older copy.*enrol --again"):
        settle(spool, word)
    assert spool.waiting == 2


def test_a_receipt_with_another_head_means_that_somebody_else_signed(spool: Spool) -> None:
    seal(spool, 2)
    word = receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, 2, bytes([1]) * 32, 5))
    with pytest.raises(SpoolRolledBackError):
        settle(spool, word)
    assert spool.waiting == 2


def test_another_head_for_what_was_settled_is_noticed_too(spool: Spool) -> None:
    seal(spool, 2)
    settle(spool, stored(spool).receipt())
    word = receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, 2, bytes([1]) * 32, 5))
    with pytest.raises(SpoolRolledBackError):
        settle(spool, word)


def test_nothing_is_sealed_after_a_roll_back_not_even_after_a_restart(state_dir: Path) -> None:
    with Spool.open(state_dir, DEVICE_ID) as spool:
        seal(spool)
        word = receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, 7, bytes([1]) * 32, 5))
        with pytest.raises(SpoolRolledBackError):
            settle(spool, word)
        with pytest.raises(SpoolRolledBackError):
            seal(spool)
    with pytest.raises(SpoolRolledBackError, match="enrol again"):
        Spool.open(state_dir, DEVICE_ID)


def test_a_file_put_back_from_yesterday_is_noticed_by_the_first_receipt(
    state_dir: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "yesterday.db"
    with Spool.open(state_dir, DEVICE_ID) as spool:
        seal(spool, 2)
    shutil.copy(state_dir / FILE, backup)
    with Spool.open(state_dir, DEVICE_ID) as spool:
        seal(spool, 3)
        word = stored(spool).receipt()
    shutil.copy(backup, state_dir / FILE)
    with Spool.open(state_dir, DEVICE_ID) as spool, pytest.raises(SpoolRolledBackError):
        settle(spool, word)


def test_a_copied_state_folder_does_not_open(state_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(state_dir / FILE, copy / FILE)
    with pytest.raises(IdentityError, match=r"was copied here.*a device of its own"):
        Spool.open(copy, DEVICE_ID)


def test_an_sd_card_that_was_copied_whole_does_not_open_on_another_board(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = tmp_path / "serial-number"  # machine id and inode are the same on a copy of the card
    board.write_bytes(b"10000000abcdef01\0")
    monkeypatch.setattr(spoolfile, "_BOARD", board)
    (state_dir / FILE).unlink()
    Spool.create(state_dir, DEVICE_ID)
    Spool.open(state_dir, DEVICE_ID).close()
    board.write_bytes(b"10000000abcdef02\0")
    with pytest.raises(IdentityError, match="was copied here"):
        Spool.open(state_dir, DEVICE_ID)


def test_a_spool_of_another_device_does_not_open(state_dir: Path) -> None:
    with pytest.raises(IdentityError, match="files were mixed"):
        Spool.open(state_dir, "lap-other00001")


def test_a_spool_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="place in its chain"):
        Spool.open(tmp_path, DEVICE_ID)


def test_two_agents_cannot_have_one_spool(state_dir: Path, spool: Spool) -> None:
    with pytest.raises(SpoolError, match="another agent is running"):
        Spool.open(state_dir, DEVICE_ID)


def test_looking_does_not_disturb_the_agent(state_dir: Path, spool: Spool) -> None:
    seal(spool)
    with Spool.peek(state_dir) as other:
        assert (other.waiting, other.last_seq) == (1, 1)
    seal(spool)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\0"])
def test_a_damaged_file_is_explained(state_dir: Path, content: bytes) -> None:
    (state_dir / FILE).write_bytes(content)
    with pytest.raises(SpoolError, match=r"damaged|cannot be read"):
        Spool.open(state_dir, DEVICE_ID)


def test_only_the_owner_can_read_the_files(state_dir: Path, spool: Spool) -> None:
    seal(spool)
    modes = {path.name: path.stat().st_mode & 0o777 for path in state_dir.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_a_full_disk_changes_nothing_and_the_chain_goes_on_later(spool: Spool) -> None:
    seal(spool)
    limit(spool, full=True)
    with pytest.raises(SpoolFullError, match="no room left"):
        fill_up(spool)
    count = spool.last_seq
    assert (stored(spool).through, spool.waiting) == (count, count)
    limit(spool, full=False)
    seal(spool)
    stored(spool).check_chain()
    assert (spool.last_seq, spool.waiting) == (count + 1, count + 1)


_FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from tests.fakes.agent import DEVICE_ID
from zaigang_agent.errors import SpoolFullError
from zaigang_agent.spool import Spool

with Spool.open(Path(sys.argv[1]), DEVICE_ID) as spool:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        for _ in range(1000):
            spool.seal(lambda place: bytes(3000), bytes(16), 1)
    except SpoolFullError:
        pass
    else:
        sys.exit("the limit did not hold")
    full = spool.last_seq
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    spool.seal(lambda place: bytes([place.seq]), bytes(16), 1)
    if not spool.waiting == spool.last_seq == len(spool.after(0, 9999)) == full + 1:
        sys.exit("something was lost")
"""


def test_a_system_that_refuses_to_write_loses_nothing(state_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILL_THE_DISK, str(state_dir)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reserve_makes_room_for_the_word_that_there_is_none(
    state_dir: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Spool._attempt
    reserve = state_dir / "reserve"

    def attempt(self: Spool, write: object) -> object:
        if reserve.exists():
            raise SpoolFullError("there is no room left on the disk")
        return real(self, write)  # type: ignore[arg-type]  # a generic method, replaced whole

    monkeypatch.setattr(Spool, "_attempt", attempt)
    with pytest.raises(SpoolFullError):
        seal(spool)
    assert spool.waiting == 0
    seal(spool, reserve=True)
    assert spool.waiting == 1
    settle(spool, stored(spool).receipt())
    assert reserve.exists()  # laid down again as soon as there is room


def limit(spool: Spool, *, full: bool) -> None:
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages if full else 1_000_000}")


def fill_up(spool: Spool) -> None:
    for _ in range(200):
        seal(spool)


def test_an_outage_leaves_no_large_file_behind(state_dir: Path, spool: Spool) -> None:
    seal(spool, 400)
    settle(spool, stored(spool).receipt())
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert (state_dir / FILE).stat().st_size < 64 * 1024


class Life(RuleBasedStateMachine):
    """Seal, receive, stop, be killed, lose power: in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        Spool.create(self.folder, DEVICE_ID)
        self.spool = Spool.open(self.folder, DEVICE_ID)
        self.store = Store(KEY.public_key())
        self.sealed: dict[int, bytes] = {}
        self.covered = 0
        self.kept = 0
        """What is covered after a kill: a receipt becomes durable with the next envelope, the first
        since a start at once. What comes again is sent again, and recognised."""
        self.kept_one = False

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 4))
    def seal(self, count: int) -> None:
        seal(self.spool, count)
        self.kept = self.covered
        self.sealed.update(self.spool.after(len(self.sealed), 10))

    @rule(chosen=st.sets(st.integers(0, 10)))
    def send(self, chosen: set[int]) -> None:
        for index, (_, data) in enumerate(self.spool.after(0, 11)):
            if index in chosen:
                self.store.take(data)

    @precondition(lambda self: self.store.through > 0)
    @rule(back=st.integers(0, 3))
    def receive(self, back: int) -> None:
        through = max(1, self.store.through - back)
        settle(self.spool, self.store.receipt(through))
        if through > self.covered:
            self.covered = through
            if not self.kept_one:
                self.kept, self.kept_one = through, True

    @rule()
    def stop_and_start(self) -> None:
        self.spool.mark_stopped()
        self.spool.close()
        self.spool = Spool.open(self.folder, DEVICE_ID)
        self.kept, self.kept_one = self.covered, False

    @rule()
    def be_killed(self) -> None:
        """SQLite's files stay as they are; the kernel closes them and drops the lock."""
        files = {p.name: p.read_bytes() for p in self.folder.iterdir() if p.name.startswith(FILE)}
        self.spool.close()
        for path in self.folder.iterdir():
            if path.name.startswith(FILE):
                path.unlink()
        for name, data in files.items():
            if not name.endswith("-shm"):  # rebuilt from the log, as after a power failure
                (self.folder / name).write_bytes(data)
        self.spool = Spool.open(self.folder, DEVICE_ID)
        self.covered, self.kept_one = self.kept, False

    @rule(boom=st.booleans())
    def fail_while_sealing(self, boom: bool) -> None:
        def make(_: object) -> bytes:
            raise (SpoolError("made up") if boom else sqlite3.OperationalError("made up"))

        with pytest.raises(SpoolError):
            self.spool.seal(make, BOOT, 1)

    @invariant()
    def nothing_sealed_is_lost_and_the_chain_is_whole(self) -> None:
        waiting = dict(self.spool.after(0, 100_000))
        assert self.spool.last_seq == len(self.sealed)
        assert waiting == {s: d for s, d in self.sealed.items() if s > self.covered}
        assert self.spool.waiting == len(waiting)
        assert self.spool.through == self.covered
        whole = Store(KEY.public_key())
        for data in self.sealed.values():
            whole.take(data)
        whole.check_chain()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


_SEAL_AND_DIE = """
import os, sys
from pathlib import Path
from tests.fakes.agent import BOOT, DEVICE_ID, a_usage, key_named
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool

spool = Spool.open(Path(sys.argv[1]), DEVICE_ID)
buffer = Buffer()
buffer.add(a_usage(1000))
Sealer(spool, key_named("device"), DEVICE_ID).seal(buffer, Stamp(BOOT, 1000, 0, True))
os.kill(os.getpid(), 9)
"""


def test_kill_right_after_sealing_loses_nothing(tmp_path: Path) -> None:
    Spool.create(tmp_path, DEVICE_ID)
    for round_ in range(1, 4):
        died = subprocess.run(
            [sys.executable, "-c", _SEAL_AND_DIE, str(tmp_path)],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
        assert died.returncode == -9
        with Spool.open(tmp_path, DEVICE_ID) as spool:
            assert spool.last_seq == round_
            assert not spool.before().stopped
            stored(spool).check_chain()
