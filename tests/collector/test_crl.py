"""The list of revoked certificates: what is in it, when it is written, and that a broker obeys it."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from tests.factories.devices import DAY_MS, an_authority, stored_laptop, stored_node
from tests.factories.directory import NOW_MS
from tests.fakes import mosquitto
from tests.fakes.clock import FakeClock
from tests.fakes.pki import Pki
from tests.fakes.randomness import Repeatable
from tests.repo.checks import ROOT
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened
from zaigang_collector.bootstrap.crl import EVERY_MS, CrlFile
from zaigang_collector.config import Settings
from zaigang_collector.devices import ca, service
from zaigang_collector.devices.model import DeviceStatus
from zaigang_shared.clock import SystemClock

_FOLDER: Final = ROOT / "firmware_config" / "mosquitto"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Opened]:
    clock, randomness = FakeClock(), Repeatable()
    bootstrap.init(tmp_path / "data", Settings(), clock, randomness)
    with bootstrap.opened(tmp_path / "data", clock, randomness) as opened:
        yield opened


def listed(collector: Opened) -> list[int]:
    data = collector.directory.crl.read_bytes()
    return [one.serial_number for one in x509.load_pem_x509_crl(data)]


def test_openssl_reads_the_list_and_it_is_ours(tmp_path: Path) -> None:
    authority = an_authority()
    path, issuer = tmp_path / "revoked.crl", tmp_path / "ca.crt"
    path.write_bytes(ca.issue_crl(authority, [ca.Revoked(0xABCDEF, NOW_MS - DAY_MS)], NOW_MS))
    issuer.write_text(authority.pem)
    run = subprocess.run(
        ["openssl", "crl", "-in", path, "-CAfile", issuer, "-noout", "-text"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "verify OK" in run.stderr + run.stdout
    assert "Serial Number: ABCDEF" in run.stdout
    crl = x509.load_pem_x509_crl(path.read_bytes())
    assert crl.next_update_utc is not None
    assert (crl.next_update_utc - crl.last_update_utc).days == 30


def test_revoked_devices_are_in_it_and_those_that_are_only_lost_are_not(
    collector: Opened,
) -> None:
    randomness = Repeatable("x")
    now_ms = collector.clock.utc_ms()
    with collector.writing() as conn:
        node = stored_node(conn, now_ms=now_ms, issuer=collector.issuer)
        lost = stored_laptop(conn, now_ms=now_ms, issuer=collector.issuer)
        stored_laptop(conn, "desk-8", now_ms=now_ms, issuer=collector.issuer)
    crl = CrlFile(collector)
    assert crl.keep(now_ms, is_changed=False)
    assert listed(collector) == []
    with collector.writing() as conn:
        service.set_status(conn, lost.id, DeviceStatus.LOST, "x", now_ms, randomness)
    assert not crl.keep(now_ms + 1, is_changed=True)
    with collector.writing() as conn:
        service.revoke(conn, node.id, "stolen", now_ms, randomness)
    assert crl.keep(now_ms + 2, is_changed=True)
    pem = node.enrolled.certificate
    assert listed(collector) == [x509.load_pem_x509_certificate(pem.encode()).serial_number]
    assert collector.directory.crl.stat().st_mode & 0o777 == 0o600
    after_ms = now_ms + 500 * DAY_MS  # by then the certificate has run out by itself
    assert crl.keep(after_ms, is_changed=False)
    assert listed(collector) == []


def test_it_is_written_anew_each_day_and_not_more_often(collector: Opened) -> None:
    crl = CrlFile(collector)
    assert crl.keep(NOW_MS, is_changed=False)
    assert not crl.keep(NOW_MS + EVERY_MS - 1, is_changed=True)
    assert crl.keep(NOW_MS + EVERY_MS, is_changed=False)


def test_a_disk_that_does_not_take_it_is_asked_again(collector: Opened) -> None:
    blocked = collector.directory.crl.with_name("revoked.crl.new")
    blocked.mkdir()
    crl = CrlFile(collector)
    assert not crl.keep(NOW_MS, is_changed=False)
    blocked.rmdir()
    assert not crl.keep(NOW_MS + 1, is_changed=False)
    assert crl.keep(NOW_MS + 60_000, is_changed=False)


def _answer(port: int, context: ssl.SSLContext, name: str) -> bytes:
    """What comes back for an MQTT CONNECT; nothing when the certificate is refused."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        try:
            connection.sendall(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06" + name.encode())
            return connection.recv(4)
        except (ssl.SSLError, ConnectionError):  # TLS 1.3: a refusal arrives with the first read
            return b""


@pytest.mark.mosquitto
def test_mosquitto_refuses_a_revoked_device_once_it_has_read_the_list(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    pki = Pki.create(tmp_path / "pki")
    revoked, other = pki.device("node-a"), pki.device("node-b")
    now_ms = SystemClock().utc_ms()
    crl = tmp_path / "revoked.crl"
    crl.write_bytes(ca.issue_crl(pki.authority, [], now_ms))
    accepted = b"\x20\x02\x00\x00"
    assert (
        "\n#crlfile /etc/mosquitto/zaigang/revoked.crl\n" in (_FOLDER / "zaigang.conf").read_text()
    )
    with mosquitto.running(tmp_path, pki, f"crlfile {crl}\n") as broker:
        assert _answer(broker.port, revoked, "node-a") == accepted
        certificate = x509.load_pem_x509_certificate((pki.folder / "node-a.crt").read_bytes())
        word = ca.Revoked(certificate.serial_number, now_ms)
        crl.write_bytes(ca.issue_crl(pki.authority, [word], now_ms + 1000))
        assert broker._process is not None
        broker._process.send_signal(signal.SIGHUP)  # what `systemctl reload` does
        for _ in range(200):  # until the signal has been handled
            if _answer(broker.port, revoked, "node-a") == b"":
                break
        assert _answer(broker.port, revoked, "node-a") == b""
        assert _answer(broker.port, other, "node-b") == accepted


@pytest.mark.mosquitto
def test_mosquitto_lets_nobody_in_by_a_list_that_has_run_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    pki = Pki.create(tmp_path / "pki")
    node = pki.device("node-a")
    crl = tmp_path / "revoked.crl"
    crl.write_bytes(ca.issue_crl(pki.authority, [], SystemClock().utc_ms() - 40 * DAY_MS))
    with mosquitto.running(tmp_path, pki, f"crlfile {crl}\n") as broker:
        assert _answer(broker.port, node, "node-a") == b""


def test_the_units_that_hand_it_over_verify(tmp_path: Path) -> None:
    for name in ("zaigang-crl.path", "zaigang-crl.service"):
        shutil.copy(_FOLDER / name, tmp_path)
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "zaigang-crl.path"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    assert "/revoked.crl" in (_FOLDER / "zaigang-crl.path").read_text()
