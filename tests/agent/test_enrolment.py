"""Enrolment trusts nobody whom the token does not vouch for, and says what is wrong in words."""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.fakes.agent import DEVICE_ID, a_config, key_named
from tests.fakes.collector_https import Authority, FakeCollector
from zaigang_agent import endpoint, enrolment, keys
from zaigang_agent.enrolment import Applicant
from zaigang_agent.errors import AgentError, EnrolmentError, IdentityError
from zaigang_agent.spool import Spool

ME = Applicant(kind="laptop", name="desk-7", platform="linux")


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[FakeCollector]:
    with FakeCollector(tmp_path) as running:
        yield running


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def enrol(state_dir: Path, collector: FakeCollector, token: str | None = None) -> keys.Identity:
    return enrolment.enrol(state_dir, collector.url, token or str(collector.token), ME)


def test_a_device_enrols_and_has_all_that_it_needs(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    assert identity.device_id == DEVICE_ID
    assert identity.card.mqtt_port == 8883
    identity.tls()
    with Spool.open(state_dir, DEVICE_ID) as spool:
        assert spool.waiting == 0
    assert {p.stat().st_mode & 0o777 for p in state_dir.iterdir()} == {0o600}
    assert state_dir.stat().st_mode & 0o777 == 0o700


def test_the_token_is_sent_once_and_only_after_the_ca_was_checked(
    collector: FakeCollector, state_dir: Path
) -> None:
    enrol(state_dir, collector)
    assert [(path, "token" in body) for path, body in collector.requests] == [
        ("/device/v1/ca", False),
        ("/device/v1/enrol", True),
    ]


def test_a_collector_with_another_ca_never_sees_the_token(
    collector: FakeCollector, state_dir: Path
) -> None:
    other = str(collector.token)[:-32] + "0" * 32
    with pytest.raises(
        EnrolmentError, match=r"not the collector that this token is from.*not sent"
    ):
        enrol(state_dir, collector, other)
    assert [path for path, _ in collector.requests] == ["/device/v1/ca"]


def test_a_relay_that_shows_the_true_ca_never_sees_the_token(
    tmp_path: Path, state_dir: Path
) -> None:
    true = Authority()
    with FakeCollector(tmp_path, authority=Authority("relay"), shown_ca=true.pem) as relay:
        token = str(relay.token)[:-32] + true.fingerprint.hex()
        with pytest.raises(EnrolmentError, match="not the collector that this device trusts"):
            enrol(state_dir, relay, token)
        assert [path for path, _ in relay.requests] == ["/device/v1/ca"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "begins with zg1-"),
        ("zg1-abcd1234", "cut off"),
        ("zg1-abcd1234-" + "A" * 26 + "-" + "0" * 32, "capitals"),
        ("zg1-abcd1234-aaa-" + "0" * 32, "parts of 8, 3 and 32"),
    ],
)
def test_a_mistyped_token_is_explained_before_anything_is_sent(
    collector: FakeCollector, state_dir: Path, typed: str, said: str
) -> None:
    with pytest.raises(EnrolmentError, match=said):
        enrolment.enrol(state_dir, collector.url, typed, ME)
    assert collector.requests == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "typed right"),
        (403, "revoked"),
        (404, "address for devices"),
        (410, "used already or has expired: ask IT for a new one"),
        (422, "cannot take what this device says.*name is too long"),
        (429, "wait a minute"),
        (500, "a problem of its own"),
        (418, "status 418"),
    ],
)
def test_each_refusal_is_a_sentence(
    collector: FakeCollector, state_dir: Path, status: int, said: str
) -> None:
    collector.refuse = (status, {"detail": "name is too long"})
    with pytest.raises(EnrolmentError, match=said) as caught:
        enrol(state_dir, collector)
    assert caught.value.status == status
    assert str(collector.token) not in str(caught.value)
    assert not keys.is_enrolled(state_dir)


def test_a_failed_attempt_leaves_the_key_for_the_next(
    collector: FakeCollector, state_dir: Path
) -> None:
    collector.refuse = (500, {})
    with pytest.raises(EnrolmentError):
        enrol(state_dir, collector)
    key = (state_dir / keys.KEY).read_bytes()
    collector.refuse = None
    enrol(state_dir, collector)
    assert (state_dir / keys.KEY).read_bytes() == key


class Killed(BaseException):
    """What nobody catches: the files are as kill -9 leaves them."""


@pytest.mark.parametrize(
    "at", [*keys.ALL_FILES, keys.ATTEMPT, "the answer", "the spool", "the end"]
)
def test_killed_anywhere_the_same_token_once_more_takes_up_the_same_key(
    collector: FakeCollector, state_dir: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise Killed

    real = keys.write
    with monkeypatch.context() as patch:
        if at == "the answer":
            patch.setattr(enrolment, "_keep", dies)
        elif at == "the spool":
            patch.setattr(keys, "write_card", dies)
        elif at == "the end":
            patch.setattr(keys, "load", dies)
        else:
            write = lambda path, data: dies() if path.name == at else real(path, data)  # noqa: E731  # one line of a table
            patch.setattr(keys, "write", write)
        with pytest.raises(Killed):
            enrol(state_dir, collector)
    if not keys.is_enrolled(state_dir):
        enrol(state_dir, collector)
    sent = [body["csr"] for path, body in collector.requests if path == "/device/v1/enrol"]
    assert {_key_of(csr) for csr in sent} == {
        keys.load_key(state_dir / keys.KEY).public_key().public_bytes_raw()
    }
    keys.load(state_dir).tls()
    with Spool.open(state_dir, DEVICE_ID) as spool:
        assert spool.waiting == 0


def test_another_token_gets_another_key(collector: FakeCollector, state_dir: Path) -> None:
    collector.raw = b"{}"
    with pytest.raises(EnrolmentError):
        enrol(state_dir, collector)
    first = (state_dir / keys.KEY).read_bytes()
    collector.raw = None
    enrol(state_dir, collector, str(collector.token).replace("abcd1234", "efgh5678"))
    assert (state_dir / keys.KEY).read_bytes() != first


def test_the_mark_of_an_attempt_holds_no_secret_and_goes_with_it(
    collector: FakeCollector, state_dir: Path
) -> None:
    collector.raw = b"{}"
    with pytest.raises(EnrolmentError):
        enrol(state_dir, collector)
    assert (state_dir / keys.ATTEMPT).read_text() == collector.token.id
    collector.raw = None
    enrol(state_dir, collector)
    assert not (state_dir / keys.ATTEMPT).exists()


def test_a_collector_that_does_not_run_is_told_from_one_that_does_not_answer(
    state_dir: Path, collector: FakeCollector
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(EnrolmentError, match="nothing listens at"):
            enrolment.enrol(state_dir, url, str(collector.token), ME)


def test_a_server_without_tls_is_explained(state_dir: Path, collector: FakeCollector) -> None:
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        plain.listen()
        url = f"https://127.0.0.1:{plain.getsockname()[1]}"

        def answer() -> None:
            peer, _ = plain.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(EnrolmentError, match="does not speak TLS"):
            enrolment.enrol(state_dir, url, str(collector.token), ME)
        thread.join()


def test_an_unknown_name_is_explained(state_dir: Path, collector: FakeCollector) -> None:
    with pytest.raises(EnrolmentError, match="not known here"):
        enrolment.enrol(state_dir, "https://nowhere.invalid:8471", str(collector.token), ME)


def test_a_server_certificate_that_ran_out_says_look_at_the_clock(
    tmp_path: Path, state_dir: Path
) -> None:
    ended = datetime(2021, 1, 1, tzinfo=UTC)
    with (
        FakeCollector(tmp_path, server_ends=ended) as collector,
        pytest.raises(EnrolmentError, match="this machine's clock"),
    ):
        enrol(state_dir, collector)


def test_a_server_certificate_for_another_name_is_explained(
    collector: FakeCollector, state_dir: Path
) -> None:
    url = collector.url.replace("127.0.0.1", "127.0.0.2")  # the same machine, on Linux
    with pytest.raises(EnrolmentError, match="is for another name"):
        enrolment.enrol(state_dir, url, str(collector.token), ME)
    assert [path for path, _ in collector.requests] == ["/device/v1/ca"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "collector",
        "http://c:8471",
        "https://c",
        "https://c:99999",
        "https://c:1/x",
        "https://u@c:1",
    ],
)
def test_a_wrong_address_shows_what_one_looks_like(
    state_dir: Path, collector: FakeCollector, url: str
) -> None:
    with pytest.raises(EnrolmentError, match=r"https://collector.example.com:8471"):
        enrolment.enrol(state_dir, url, str(collector.token), ME)


@pytest.mark.parametrize(
    "change",
    [
        {"device_id": "../../etc"},
        {"device_id": None},
        {"certificate": "not a certificate"},
        {"device_id": "lap-other00001"},
        {"collector_key": "not a key"},
        {"config": "!!"},
        {"config": base64.b64encode(a_config(device_id="lap-other00001")).decode()},
        {"config": base64.b64encode(b"garbage").decode()},
        {"mqtt": {"host": "", "port": 1}},
        {"mqtt": {"host": "h", "port": 0}},
        {"mqtt": None},
    ],
)
def test_an_answer_that_does_not_hold_enrols_nothing(
    collector: FakeCollector, state_dir: Path, change: dict[str, Any]
) -> None:
    collector.change = change
    with pytest.raises(AgentError):
        enrol(state_dir, collector)
    assert not keys.is_enrolled(state_dir)


def test_a_certificate_for_another_key_is_refused(
    collector: FakeCollector, state_dir: Path
) -> None:
    collector.change = {"certificate": collector.authority.device(key_named("other")).decode()}
    with pytest.raises(EnrolmentError, match="another key"):
        enrol(state_dir, collector)


def test_a_certificate_by_another_ca_is_refused(collector: FakeCollector, state_dir: Path) -> None:
    with pytest.raises(EnrolmentError):
        enrolment.enrol(state_dir, collector.url, str(collector.token)[:-1] + "x", ME)
    key = keys.make_key(_made(state_dir) / keys.KEY)
    collector.change = {"certificate": Authority().device(key).decode()}
    with pytest.raises(EnrolmentError, match="does not hold"):
        enrol(state_dir, collector)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"x" * 300_000])
def test_any_answer_gives_a_sentence(collector: FakeCollector, state_dir: Path, raw: bytes) -> None:
    collector.raw = raw
    with pytest.raises(EnrolmentError):
        enrol(state_dir, collector)


def test_who_is_enrolled_is_not_enrolled_twice_by_accident(
    collector: FakeCollector, state_dir: Path
) -> None:
    enrol(state_dir, collector)
    with pytest.raises(IdentityError, match=r"enrolled already.*--again"):
        enrol(state_dir, collector)


def test_again_keeps_the_old_identity_and_what_it_had_not_sent(
    collector: FakeCollector, state_dir: Path
) -> None:
    enrol(state_dir, collector)
    old = (state_dir / keys.KEY).read_bytes()
    aside = enrolment.retire(state_dir)
    assert aside is not None
    enrol(state_dir, collector)
    assert (aside / keys.KEY).read_bytes() == old
    assert (aside / "spool.db").exists()
    assert (state_dir / keys.KEY).read_bytes() != old


def test_a_spool_whose_identity_was_lost_is_kept(collector: FakeCollector, state_dir: Path) -> None:
    enrol(state_dir, collector)
    (state_dir / keys.IDENTITY).unlink()
    enrol(state_dir, collector)
    assert (state_dir / "retired" / "1" / "spool.db").exists()


def test_renewal_brings_a_new_certificate_and_a_newer_configuration(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    before = (state_dir / keys.CERTIFICATE).read_bytes()
    collector.config_version = 2
    renewed = enrolment.renew(identity)
    assert renewed.config.version == 2
    assert (state_dir / keys.CERTIFICATE).read_bytes() != before
    renewed.tls()


def test_renewal_tells_where_the_broker_is_now(collector: FakeCollector, state_dir: Path) -> None:
    identity = enrol(state_dir, collector)
    collector.mqtt = {"host": "broker.example", "port": 8884}
    enrolment.renew(identity)
    card = keys.load(state_dir).card
    assert (card.mqtt_host, card.mqtt_port) == ("broker.example", 8884)


def test_renewal_without_a_word_on_the_broker_leaves_it_where_it_was(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    collector.silent_on = "mqtt"
    assert enrolment.renew(identity).card.mqtt_port == 8883


def test_renewal_never_puts_an_older_configuration_in_place_of_a_pushed_one(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    keys.write(state_dir / keys.CONFIG, a_config(version=6))
    collector.config_version = 5
    assert enrolment.renew(identity).config.version == 6


def test_a_bad_renewal_keeps_the_old_certificate(collector: FakeCollector, state_dir: Path) -> None:
    identity = enrol(state_dir, collector)
    before = (state_dir / keys.CERTIFICATE).read_bytes()
    collector.change = {"certificate": collector.authority.device(key_named("other")).decode()}
    with pytest.raises(EnrolmentError):
        enrolment.renew(identity)
    assert (state_dir / keys.CERTIFICATE).read_bytes() == before


def test_the_vantage_token_is_fetched_as_this_device_or_not_at_all(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    assert endpoint.vantage(identity) == b"vantage token"
    assert endpoint.reachable(identity) is None
    collector.refuse = (403, {"detail": "this device was revoked"})
    assert endpoint.vantage(identity) is None
    assert "was revoked" in str(endpoint.reachable(identity))


def test_a_key_that_others_can_read_is_not_used(collector: FakeCollector, state_dir: Path) -> None:
    enrol(state_dir, collector)
    (state_dir / keys.KEY).chmod(0o640)
    with pytest.raises(IdentityError, match="mode 0640"):
        keys.load(state_dir)


def test_root_does_not_enrol_into_the_folder_of_the_agents_user(
    collector: FakeCollector, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir()
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(IdentityError, match=r"belongs to .*: run this as that user, sudo -u"):
        enrol(state_dir, collector)
    assert list(state_dir.iterdir()) == []


@pytest.mark.parametrize("name", keys.ALL_FILES)
@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_each_damaged_or_missing_file_is_named(
    collector: FakeCollector, state_dir: Path, name: str, content: bytes | None
) -> None:
    enrol(state_dir, collector)
    if content is None:
        (state_dir / name).unlink()
    else:
        (state_dir / name).write_bytes(content)
    with pytest.raises(IdentityError, match=f"{name}.*enrol"):
        keys.load(state_dir).tls()


def test_a_certificate_that_does_not_fit_the_key_is_noticed(
    collector: FakeCollector, state_dir: Path
) -> None:
    identity = enrol(state_dir, collector)
    (state_dir / keys.CERTIFICATE).write_bytes(collector.authority.device(key_named("other")))
    with pytest.raises(IdentityError, match="does not fit"):
        identity.tls()


def _key_of(csr: str) -> bytes:
    key: Any = x509.load_pem_x509_csr(csr.encode()).public_key()
    raw: bytes = key.public_bytes_raw()
    return raw


def _made(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path
