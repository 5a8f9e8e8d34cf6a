"""A backup is whole or absent, holds what it says, and never lets the ledger fork."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.chains import Talker, arrived
from tests.factories.devices import stored_laptop
from tests.factories.vault import shares_the_master
from tests.fakes.clock import FakeClock
from zaigang_collector import bootstrap, db
from zaigang_collector.bootstrap import Opened, archive, backup, reopening, restoring, standing
from zaigang_collector.bootstrap.run import Background
from zaigang_collector.bootstrap.sequencing import Sequencing
from zaigang_collector.bootstrap.worker import Worker
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.errors import CollectorError, ConfigError, ConflictError, LedgerError
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.service import EntryType
from zaigang_collector.ledger.tables import ENTRY, EVENT
from zaigang_shared import checkpoint, envelope
from zaigang_shared.receipt import Receipt, open_receipt

ROOT = Path(__file__).parents[2]
LOCAL = "127.0.0.1"
SETTINGS = Settings(api_port=0, device_port=0, mqtt_port=0, device_host=LOCAL, mqtt_host=LOCAL)


class House:
    """A collector over a data directory, without its doors, and laptops that speak to it."""

    def __init__(self, root: Path, clock: FakeClock) -> None:
        self.root = root
        self.clock = clock
        self._opening = bootstrap.opened(root, clock)
        self.collector: Opened = self._opening.__enter__()
        self.intake = Intake(
            self.collector.engine,
            self.collector.vault,
            self.collector.keys.receipt_key,
            clock,
            os.urandom,
        )
        self.sequencing = Sequencing(self.collector)

    def close(self) -> None:
        self.intake.close()
        self._opening.__exit__(None, None, None)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def laptop(self, name: str = "desk-7") -> Talker:
        with self.collector.writing() as conn:
            device = stored_laptop(conn, name, issuer=self.collector.issuer)
        return Talker(device.id, device.key)

    def speak(self, *talkers: Talker) -> dict[str, Receipt]:
        """Each seals one envelope that quotes its newest receipt, and takes the new one."""
        self.clock.utc += 60_000
        batch = [arrived(one.id, one.seal(), self.clock.utc) for one in talkers]
        taken = self.intake.take(batch)
        for one in talkers:
            one.rcpt = envelope.digest(taken.receipts[one.id])
        key = self.collector.keys.receipt_key.public_key()
        self.sequencing.run_once()
        return {name: open_receipt(data, key) for name, data in taken.receipts.items()}

    def newest(self) -> ledger.StoredCheckpoint:
        with self.collector.reading() as conn:
            found = ledger.newest_checkpoint(conn)
        assert found is not None
        return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> Iterator[House]:
    bootstrap.init(tmp_path / "data", SETTINGS, clock)
    shares_the_master(tmp_path / "data")
    with House(tmp_path / "data", clock) as made:
        yield made


def run(data: Path, *arguments: str) -> int:
    return main([*arguments, "--data", str(data)])


def test_a_backup_holds_everything_and_restores_to_the_same(house: House, tmp_path: Path) -> None:
    laptop = house.laptop()
    house.speak(laptop)
    (house.root / "later.key").write_bytes(b"a file that a later version keeps here")
    file = tmp_path / "one.backup"
    made = backup.make(house.collector, file)
    newest = house.newest()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (made.size, made.root) == (newest.size, newest.root.hex())
    assert made.size > 0
    assert restoring.verify_only(file) == made
    restored = DataDirectory(tmp_path / "new")
    assert restoring.restore(file, restored.root, 1) == made
    assert restored.root.stat().st_mode & 0o777 == 0o700
    for path in house.root.iterdir():
        if path.is_file() and not path.name.startswith("zaigang.db"):
            assert (restored.root / path.name).read_bytes() == path.read_bytes(), path.name
    assert all(path.stat().st_mode & 0o077 == 0 for path in restored.root.iterdir())
    assert not list(tmp_path.glob("*.partial"))
    with bootstrap.opened(restored.root) as collector, collector.reading() as conn:
        assert ledger.newest_checkpoint(conn) == newest
        # With its keys: what was sealed opens again.
        assert ingest.envelopes_between(conn, collector.vault, laptop.id, 0, 2**53)


def test_a_backup_is_one_moment_while_others_write(house: House, tmp_path: Path) -> None:
    laptops = [house.laptop(f"desk-{number}") for number in range(3)]
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            house.speak(*laptops)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(30)
    try:
        made = [backup.make(house.collector, tmp_path / f"{n}.backup") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    with house.collector.reading() as conn:
        for one in made:
            assert ledger.root_at(conn, one.size).hex() == one.root


def test_a_backup_never_overwrites_and_never_lies_in_the_data_directory(
    house: House, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(ConfigError, match="not overwritten"):
        backup.make(house.collector, there)
    assert there.read_text() == "mine"
    for inside in (house.root / "x", house.root / "run" / "x"):
        inside.parent.mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match="inside of the data directory"):
            backup.make(house.collector, inside)
    with pytest.raises(ConfigError, match="is not a directory"):
        backup.make(house.collector, tmp_path / "no" / "x")


@pytest.mark.parametrize(
    ("where", "effect"),
    [
        ("backup", "_copy_database"),
        ("backup", "_snapshot"),
        ("backup", "_pack"),
        ("archive", "unpack"),
        ("archive", "check"),
        ("archive", "verify"),
    ],
)
def test_a_backup_that_dies_at_any_step_leaves_no_file_and_the_next_one_works(
    house: House, tmp_path: Path, where: str, effect: str
) -> None:
    house.speak(house.laptop())
    file = tmp_path / "out" / "one.backup"
    file.parent.mkdir()
    # Really killed: no `finally` of ours runs.
    program = f"""
import os, signal
from pathlib import Path
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import archive, backup
real = {where}.{effect}
def dies(*args, **named):
    real(*args, **named)
    os.kill(os.getpid(), signal.SIGKILL)
{where}.{effect} = dies
with bootstrap.opened(Path({str(house.root)!r})) as collector:
    backup.make(collector, Path({str(file)!r}))
"""
    path = os.pathsep.join(str(ROOT / name) for name in ("shared", "collector"))
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not file.exists()
    left = list(file.parent.iterdir())
    assert all(one.name.endswith(".partial") and one.stat().st_mode & 0o077 == 0 for one in left)
    made = backup.make(house.collector, file)
    assert restoring.verify_only(file) == made
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def _rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The archive with its members changed; None leaves one out."""
    with tarfile.open(file) as tar:
        members = [(one.name, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr]
    with tarfile.open(file, "w") as tar:
        for name, data in members:
            changed = change(name, data)
            if changed is not None:
                info = tarfile.TarInfo(name)
                info.size = len(changed)
                tar.addfile(info, io.BytesIO(changed))


@pytest.mark.parametrize("name", ["manifest.json", "zaigang.db", "ledger.key", "collector.toml"])
def test_a_backup_that_was_changed_or_lost_a_member_is_refused_and_nothing_is_made(
    house: House, tmp_path: Path, name: str
) -> None:
    house.speak(house.laptop())
    whole = tmp_path / "one.backup"
    backup.make(house.collector, whole)
    kept = whole.read_bytes()

    def flipped(data: bytes) -> bytes:
        return data[:40] + bytes([data[40] ^ 1]) + data[41:]

    for change in (flipped, lambda _: None):
        _rewritten(whole, lambda one, data: change(data) if one == name else data)  # noqa: B023
        with pytest.raises(ConfigError, match="is not a backup"):
            restoring.restore(whole, tmp_path / "new", 1)
        assert not (tmp_path / "new").exists()
        whole.write_bytes(kept)


def test_a_backup_with_a_rehashed_but_edited_database_is_refused(
    house: House, tmp_path: Path
) -> None:
    house.speak(house.laptop())
    file = tmp_path / "one.backup"
    backup.make(house.collector, file)
    edited = tmp_path / "edited.db"

    def change(name: str, data: bytes) -> bytes:
        if name == "zaigang.db":
            edited.write_bytes(data)
            with sqlite3.connect(edited) as conn:
                conn.execute("UPDATE ledger_entry SET at_ms = at_ms + 1 WHERE idx = 0")
            conn.close()
            return edited.read_bytes()
        return data

    _rewritten(file, change)
    member = archive.Member(edited.stat().st_size, archive.sha256_of(edited))

    def told(name: str, data: bytes) -> bytes:
        if name == "manifest.json":
            fields = json.loads(data)
            fields["members"]["zaigang.db"] = {"size": member.size, "sha256": member.sha256}
            return json.dumps(fields).encode()
        return data

    _rewritten(file, told)
    with pytest.raises(ConfigError, match="do not give the root"):
        restoring.restore(file, tmp_path / "new", 1)
    assert list((tmp_path / "new").iterdir()) == []


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_backup_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("odd") / "x"
    file.write_bytes(data)
    with pytest.raises(CollectorError):
        restoring.verify_only(file)


@given(
    st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9), max_size=4),
    st.text(max_size=5),
)
def test_any_manifest_is_one_or_a_sentence(fields: dict[str, object], text: str) -> None:
    for made in (fields, {"format": "zaigang-backup/1", "members": fields}, [text], text):
        with pytest.raises(ConfigError):
            archive.read_manifest(json.dumps(made).encode(), Path("x"))


def test_a_member_cannot_be_written_anywhere_else(tmp_path: Path) -> None:
    for name in ("../x", "/x", "a/b", ".", "..", ""):
        member = {"size": 0, "sha256": ""}
        fields = {
            "version": "1", "at_ms": 1, "origin": "o", "size": 0, "root": "00" * 32,
            "checkpoint": "", "has_database": False, "format": "zaigang-backup/1",
            "members": {name: member},
        }  # fmt: skip
        with pytest.raises(ConfigError, match="members that cannot be"):
            archive.read_manifest(json.dumps(fields).encode(), tmp_path)


def test_restore_wants_a_new_or_empty_directory(house: House, tmp_path: Path) -> None:
    file = tmp_path / "one.backup"
    backup.make(house.collector, file)
    before = {path.name: path.read_bytes() for path in house.root.iterdir() if path.is_file()}
    with pytest.raises(ConfigError, match="not empty"):
        restoring.restore(file, house.root, 1)
    after = {path.name: path.read_bytes() for path in house.root.iterdir() if path.is_file()}
    assert after == before
    (tmp_path / "mounted" / "lost+found").mkdir(parents=True)
    restoring.restore(file, tmp_path / "mounted", 1)
    assert (tmp_path / "mounted" / "collector.toml").exists()


def test_a_restore_that_dies_is_no_data_directory(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.backup"
    backup.make(house.collector, file)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for where, effect in ((archive, "check"), (standing, "write_restored")):
        with monkeypatch.context() as patch:
            patch.setattr(where, effect, dies)
            target = tmp_path / effect
            with pytest.raises(KeyboardInterrupt):
                restoring.restore(file, target, 1)
        with pytest.raises(ConfigError, match="does not exist"), bootstrap.opened(target):
            pass


# The drill: an older backup is put back.


def test_an_older_backup_is_loud_and_never_forks_and_goes_on_under_another_name(
    house: House, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    laptops = [house.laptop("desk-7"), house.laptop("desk-8")]
    house.speak(*laptops)
    file = tmp_path / "monday.backup"
    made = backup.make(house.collector, file)
    for _ in range(3):
        house.speak(*laptops)
    shown = house.newest()
    house.close()  # and the machine is gone
    restoring.restore(file, tmp_path / "new", clock.utc)

    with House(tmp_path / "new", clock) as again, caplog.at_level("WARNING"):
        # Devices get their answers, and their receipts name a ledger that has shrunk.
        receipts = again.speak(*laptops)
        assert all(one.log is not None and one.log.size < shown.size for one in receipts.values())
        # Nothing was added, and it is told with both ways out.
        assert again.newest().size == made.size
        assert again.sequencing.problem is not None
        assert "restored.json" in again.sequencing.problem
        assert "ledger reopen" in again.sequencing.problem
        found = reopening.status(again.collector)
        Worker(again.collector).run_once()
        assert "2 devices quote receipts that this database never gave" in caplog.text
        assert found.warnings == (
            "2 devices quote receipts that this database never gave: it may have been restored from "
            "an older backup",
        )
        told = reopening.reopen(again.collector, "李工", "the disk died on Monday")

    assert told.as_origin.startswith(told.origin + "/2-")
    with House(tmp_path / "new", clock) as reopened:
        assert reopened.sequencing.problem is None
        reopened.speak(*laptops)
        newest = reopened.newest()
        assert newest.size > made.size
        with reopened.collector.reading() as conn:
            # No two histories under one name: what is new is under the new name only.
            assert ledger.root_at(conn, made.size).hex() == made.root
            signer = reopened.collector.signer()
            signed, _ = checkpoint.open_note(newest.note, signer.verifier)
            begun = ledger.checkpoint_at(conn, made.size)
            assert begun is not None
            assert checkpoint.open_note(begun.note, signer.verifier)[0].size == made.size
            entries = conn.scalars(
                sa.select(ENTRY.c.ref).where(ENTRY.c.type == EntryType.LEDGER_EVENT.value)
            ).all()
            assert len(entries) == conn.scalar(sa.select(sa.func.count()).select_from(EVENT)) == 1
            assert ledger.continuations(conn) == (told,)
        assert signed.origin == told.as_origin
        assert (told.by, told.why, told.size) == ("李工", "the disk died on Monday", made.size)
        assert told.checkpoint == made.checkpoint


def test_one_backup_restored_twice_never_gives_one_name_to_two_histories(
    house: House, tmp_path: Path, clock: FakeClock
) -> None:
    house.speak(house.laptop())
    file = tmp_path / "one.backup"
    backup.make(house.collector, file)
    names = set()
    for target in ("a", "b"):
        restoring.restore(file, tmp_path / target, clock.utc)
        with bootstrap.opened(tmp_path / target, clock) as collector:
            names.add(reopening.reopen(collector, "x", "y").as_origin)
            names.add(reopening.reopen(collector, "x", "again", unmarked=True).as_origin)
    assert len(names) == 4
    assert {name.split("/")[2].split("-")[0] for name in names} == {"2", "3"}


def _copied(house: House, to: Path) -> None:
    """The database file as it is now, as a careless administrator might keep it."""
    with sqlite3.connect(house.root / "zaigang.db") as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    to.chmod(0o600)


def _put_back(house: House, older: Path) -> None:
    house.close()
    for name in ("zaigang.db-wal", "zaigang.db-shm"):
        (house.root / name).unlink(missing_ok=True)
    older.replace(house.root / "zaigang.db")


def test_a_database_put_back_behind_our_back_is_noticed_at_the_start(
    house: House, tmp_path: Path, clock: FakeClock
) -> None:
    laptop = house.laptop()
    house.speak(laptop)
    _copied(house, tmp_path / "older.db")
    house.speak(laptop)
    newer = tmp_path / "newer.db"
    _copied(house, newer)
    _put_back(house, tmp_path / "older.db")
    with House(house.root, clock) as again:
        assert "older than what this collector wrote last" in (again.sequencing.problem or "")
        before = again.newest()
        again.speak(laptop)
        assert again.newest() == before
        _put_back(again, newer)
    # The newer database is back: nothing speaks against it.
    with House(house.root, clock) as right:
        assert right.sequencing.problem is None


def test_a_ledger_with_another_root_than_we_wrote_is_noticed(
    house: House, clock: FakeClock
) -> None:
    house.speak(house.laptop())
    mark = standing.read_high(house.collector.directory)
    assert mark is not None
    assert (mark.size, mark.root) == (house.newest().size, house.newest().root)
    for other, why in (
        (standing.Mark(mark.origin, mark.size, bytes(32)), "another root"),
        (standing.Mark(mark.origin, mark.size + 1, mark.root), "and had"),
        (standing.Mark(mark.origin + "/2-00", mark.size, mark.root), "never had the name"),
    ):
        standing.write_high(house.collector.directory, other)
        assert why in (Sequencing(house.collector).problem or "")
    standing.write_high(house.collector.directory, mark)
    assert Sequencing(house.collector).problem is None
    house.collector.directory.ledger_high.write_bytes(b"")  # after a power cut
    assert Sequencing(house.collector).problem is None


def test_a_restored_mark_that_cannot_be_read_is_no_decision(house: House) -> None:
    house.collector.directory.restored.write_text("{}")
    with pytest.raises(ConfigError, match="what `restore` writes"):
        Sequencing(house.collector)


def test_there_is_nothing_to_decide_where_nothing_was_put_back(house: House) -> None:
    with pytest.raises(ConflictError, match="--unmarked"):
        reopening.reopen(house.collector, "x", "y")


def test_a_sequencer_with_the_old_name_adds_nothing_after_the_decision(house: House) -> None:
    laptop = house.laptop()
    house.speak(laptop)
    old = house.sequencing
    reopening.reopen(house.collector, "x", "a witness says so", unmarked=True)
    size = house.newest().size
    with pytest.raises(LedgerError, match="continued under another name"):
        old.run_once()
    assert house.newest().size == size


def test_a_decision_that_is_interrupted_can_be_made_again(
    house: House, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.speak(house.laptop())
    file = tmp_path / "one.backup"
    backup.make(house.collector, file)
    restoring.restore(file, tmp_path / "new", clock.utc)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with bootstrap.opened(tmp_path / "new", clock) as collector:
        with monkeypatch.context() as patch:
            patch.setattr(standing, "write_high", dies)
            with pytest.raises(KeyboardInterrupt):
                reopening.reopen(collector, "x", "y")
        assert Sequencing(collector).problem is not None
        told = reopening.reopen(collector, "x", "y")
        assert told.as_origin.split("/")[2].startswith("3-")
        assert Sequencing(collector).problem is None


# Over the command line, and while it serves.


def test_serve_starts_on_a_restored_directory_and_says_that_it_is_not_ready(
    house: House, tmp_path: Path
) -> None:
    house.speak(house.laptop())
    file, new = tmp_path / "one.backup", tmp_path / "new"
    backup.make(house.collector, file)
    restoring.restore(file, new, 1)
    with bootstrap.opened(new) as collector, Background(collector) as ports:
        status, told = get(ports.api, "/readyz")
        assert status == 503
        assert "restored from a backup" in told
        assert "ledger reopen" in told
        assert get(ports.api, "/healthz")[0] == 200
        with pytest.raises(ConfigError, match="is serving from"):
            reopening.reopen(collector, "x", "y")
    with bootstrap.opened(new) as collector:
        reopening.reopen(collector, "x", "y")
        with Background(collector) as ports:
            assert get(ports.api, "/readyz") == (200, "ready\n")


def get(port: int, path: str) -> tuple[int, str]:
    import http.client

    conn = http.client.HTTPConnection(LOCAL, port, timeout=10)
    try:
        conn.request("GET", path)
        answer = conn.getresponse()
        return answer.status, answer.read().decode()
    finally:
        conn.close()


def test_the_commands_say_what_they_did_and_what_is_next(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.speak(house.laptop())
    newest = house.newest()
    file, new = str(tmp_path / "one.backup"), tmp_path / "new"
    assert run(house.root, "backup", file) == Exit.OK
    line = f"size {newest.size} root {newest.root.hex()}"
    out, err = capsys.readouterr()
    assert "verified" in out
    assert line in out
    assert "has everything" in err
    assert run(house.root, "backup", file) == Exit.CONFIG
    assert run(new, "restore", file, "--verify-only") == Exit.OK
    assert not new.exists()
    assert run(new, "restore", file) == Exit.OK
    out, err = capsys.readouterr()
    assert line in out
    assert "marked as restored" in err
    assert run(new, "ledger", "status") == Exit.OK
    out, _ = capsys.readouterr()
    assert line in out
    assert "restored:" in out
    assert "state: This data directory was restored" in out
    assert newest.note in out
    assert run(new, "ledger", "reopen", "--by", "李工", "--why", "disk") == Exit.OK
    assert f"from size {newest.size}" in capsys.readouterr().out
    assert run(new, "ledger", "status") == Exit.OK
    out, _ = capsys.readouterr()
    assert "by 李工: disk" in out
    assert "state: it grows" in out
    assert run(new, "ledger", "reopen", "--by", "x", "--why", "y") == Exit.FAILED
    assert run(tmp_path / "other", "restore", str(tmp_path / "none")) == Exit.CONFIG


def test_a_postgresql_database_is_backed_up_by_its_own_program(
    house: House, tmp_path: Path
) -> None:
    url = "postgresql+psycopg://zaigang@db.example/zaigang"
    engine = db.open_engine(url)
    settings = dataclasses.replace(house.collector.settings, database_url=url)
    elsewhere = dataclasses.replace(house.collector, settings=settings, engine=engine)
    with pytest.raises(ConfigError, match=r"pg_dump.*--files-only"):
        backup.make(elsewhere, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    engine.dispose()


def test_a_database_that_is_elsewhere_is_told_how_to_back_up(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{(house.root / 'zaigang.db').absolute()}"
    with house.collector.directory.settings.open("a") as settings:
        settings.write(f'\ndatabase_url = "{url}"\n')
    assert run(house.root, "backup", str(tmp_path / "x")) == Exit.CONFIG
    assert "--files-only" in capsys.readouterr().err
    assert run(house.root, "backup", str(tmp_path / "x"), "--files-only") == Exit.OK
    manifest = restoring.restore(tmp_path / "x", tmp_path / "new", 1)
    assert not manifest.has_database
    assert (tmp_path / "new" / "ledger.key").exists()
    assert not (tmp_path / "new" / "zaigang.db").exists()
    with bootstrap.opened(tmp_path / "new") as collector:
        assert Sequencing(collector).problem is not None
