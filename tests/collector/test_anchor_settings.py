"""Witnesses, ledgers and authorities as settings name them, and what is made of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from tests.factories.logs import VKEY, Log
from tests.fakes.clock import FakeClock
from tests.fakes.tsa import LocalAuthority, Tsa
from zaigang_collector import anchor_settings, bootstrap, config
from zaigang_collector.bootstrap import anchoring
from zaigang_collector.bootstrap.anchoring import Anchorer
from zaigang_collector.config import Settings
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger.stamping import StampAuthority
from zaigang_collector.ledger.witnessing import Witness
from zaigang_shared import note

WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(b"W" * 32).public_key()
WITNESS = note.verifier_key("w/1", WITNESS_KEY, note.COSIGNATURE)
SECOND = note.verifier_key("w/2", WITNESS_KEY, note.COSIGNATURE)


def test_ledgers_are_named_by_their_keys() -> None:
    other = note.verifier_key("other", WITNESS_KEY)
    assert anchor_settings.log_keys(f"{VKEY}, {other}\n") == (VKEY, other)
    assert anchor_settings.log_keys(f"{VKEY} {other}") == (VKEY, other)
    assert anchor_settings.log_keys("") == ()


def test_witnesses_are_named_by_address_and_key() -> None:
    found = anchor_settings.witnesses(f"https://a.example/w/={WITNESS}, http://b:81/?x=1={SECOND}")
    assert [(one.url, one.key) for one in found] == [
        ("https://a.example/w", WITNESS),
        ("http://b:81/?x=1", SECOND),
    ]
    assert anchor_settings.witnesses(" ") == ()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        str(VKEY),
        f"https://a.example={VKEY}",
        f"ftp://a.example={WITNESS}",
        f"https://={WITNESS}",
        f"https://user@a.example={WITNESS}",
        f"https://a.example:99999={WITNESS}",
        f"https://a.example={WITNESS}x",
        f"https://a.example={WITNESS},https://b.example={WITNESS}",
        ",".join(
            f"https://a.example={note.verifier_key(f'w{n}', WITNESS_KEY, note.COSIGNATURE)}"
            for n in range(21)
        ),
    ],
)
def test_what_names_no_witness_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"witness|key|URL|base64"):
        anchor_settings.witnesses(text)
    with pytest.raises(ConfigError, match="witnesses must be URL=VERIFIER-KEY"):
        config.check(Settings(witnesses=text))


@pytest.mark.parametrize("text", ["x", str(WITNESS), f"{VKEY} {VKEY}", f"{VKEY}x"])
def test_what_names_no_ledger_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="witness_for must be verifier keys"):
        config.check(Settings(witness_for=text))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for reader in (anchor_settings.log_keys, anchor_settings.witnesses):
        with contextlib.suppress(ValueError):
            assert isinstance(reader(text), tuple)
    assert anchor_settings.is_url(text) in (True, False)


@pytest.mark.parametrize(
    "text", ["", "a.example", "https://", "https://a b", "file:///etc", "http://a:0/"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not anchor_settings.is_url(text)


@pytest.mark.parametrize("text", ["1", "3.1", "1.2.", "1.02", "1.2.3x", "1." + "9" * 30])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="stamp_policy must be an object identifier"):
        config.check(Settings(stamp_policy=text))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority.create(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def tsa(authority: LocalAuthority) -> Iterator[Tsa]:
    with Tsa(authority) as running:
        yield running


def made(folder: Path, settings: Settings) -> bootstrap.Opened:
    bootstrap.init(folder, settings, FakeClock())
    with bootstrap.opened(folder, FakeClock()) as collector:
        return collector


def test_a_collector_is_a_witness_under_its_own_name(tmp_path: Path) -> None:
    collector = made(tmp_path / "data", Settings(witness_for=str(VKEY)))
    cosigner = anchoring.cosigner(collector)
    assert cosigner.logs == (VKEY,)
    assert cosigner.name.startswith("zaigang-witness/")
    assert note.parse_verifier_key(str(cosigner.verifier)) == cosigner.verifier


def test_without_settings_nobody_outside_is_asked(tmp_path: Path) -> None:
    assert anchoring.outside(made(tmp_path / "data", Settings())) == ()


def test_those_who_are_named_are_asked(tmp_path: Path, authority: LocalAuthority) -> None:
    settings = Settings(
        stamp_url="https://tsa.example:444/tsr",
        stamp_ca_file=str(authority.root_file),
        stamp_policy="1.2.3.4.1",
        witnesses=f"https://w.example={WITNESS}",
    )
    stamper, witness = anchoring.outside(made(tmp_path / "data", settings))
    assert isinstance(stamper, StampAuthority)
    assert isinstance(witness, Witness)
    assert (stamper.name, stamper.policy) == ("tsa.example:444", "1.2.3.4.1")
    assert (witness.name, witness.url) == ("w/1", "https://w.example")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "stamp_ca_file is not"),
        ("missing.pem", "cannot be read"),
        ("ca.key", "certificates in PEM"),
    ],
)
def test_an_authority_without_its_root_is_refused_at_the_start(
    tmp_path: Path, name: str, why: str
) -> None:
    settings = Settings(stamp_url="https://tsa.example", stamp_ca_file=name)
    collector = made(tmp_path / "data", settings)
    with pytest.raises(ConfigError, match=why):
        Anchorer(collector, Log())


def test_an_anchorer_asks_tells_and_stops(
    tmp_path: Path, tsa: Tsa, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(stamp_url=tsa.url, stamp_ca_file=str(tsa.authority.root_file))
    folder = tmp_path / "data"
    bootstrap.init(folder, settings, FakeClock())
    with bootstrap.opened(folder, FakeClock()) as collector:
        anchorer = Anchorer(collector, Log.of(3))
        assert anchorer.before_sequencing() == ()
        anchorer.run_once()
        assert len(tsa.answers) == 1
        assert anchorer.problem is None
        anchorer.start()
        anchorer.stop()


def test_a_database_that_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = made(tmp_path / "data", Settings())
    anchorer = Anchorer(collector, Log())

    def refuses() -> None:
        anchorer._stop.set()
        raise OperationalError("SELECT", {}, Exception("locked"))

    monkeypatch.setattr(anchoring, "EVERY_S", 0)
    monkeypatch.setattr(anchorer, "run_once", refuses)
    anchorer.start()
    anchorer._thread.join()
    assert anchorer.problem == "The ledger is not being anchored: the database refuses."


@pytest.mark.parametrize("name", ["witnesses", "witness_for", "stamp_url", "stamp_policy"])
def test_a_number_is_no_text(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be"):
        config.parse(f"{name} = 1", "collector.toml")
