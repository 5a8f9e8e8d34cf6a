from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import message_bus
from zaigang_agent.platforms import dbus
from zaigang_agent.platforms.dbus import Connection, DBusError

BUS = "org.freedesktop.DBus"


def fed(answers: bytes) -> Connection:
    """A connection to somebody who has already said everything."""

    def connect(_address: str) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(answers)
        theirs.shutdown(socket.SHUT_WR)
        peers.append(theirs)  # closed by the test's end, not before we have read
        return ours

    peers: list[socket.socket] = []
    connection = Connection("test", connect)
    connection.peers = peers  # type: ignore[attr-defined]  # lives as long as the connection
    return connection


def outcome(answers: bytes) -> object:
    connection = fed(answers)
    try:
        return connection.call(BUS, "/", BUS, "Anything")
    except DBusError as error:
        return str(error)
    finally:
        connection.close()
        for peer in connection.peers:  # type: ignore[attr-defined]  # see fed()
            peer.close()


def message(serial: int, signature: str, body: bytes, kind: int = 2) -> bytes:
    fields = b"\x05\x01u\x00" + struct.pack("<I", serial)
    fields += b"\x08\x01g\x00" + bytes([len(signature)]) + signature.encode() + b"\0"
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), 1, len(fields))
    return head + fields + bytes(-len(fields) % 8) + body


NESTED = b"".join(struct.pack("<I", 4 * (39 - n)) for n in range(40))
OK = b"OK 0123\r\n"
HELLO = message(1, "s", b"\x02\0\0\0:1\0")


def test_values_of_every_kind_that_is_used_are_read() -> None:
    assert outcome(OK + HELLO + message(2, "t", struct.pack("<Q", 4711))) == 4711
    assert outcome(OK + HELLO + message(2, "b", struct.pack("<I", 1))) is True
    assert outcome(OK + HELLO + message(2, "", b"")) is None
    assert outcome(OK + HELLO + message(2, "(sb)", b"\1\0\0\0x\0\0\0\0\0\0\0")) == ["x", False]


def test_an_error_of_the_other_side_is_told_with_its_name_and_text() -> None:
    body = struct.pack("<I", 4) + b"nope\0"
    assert "nope" in str(outcome(OK + HELLO + message(2, "s", body, kind=3)))


@pytest.mark.parametrize(
    "answers",
    [
        b"",
        b"REJECTED EXTERNAL\r\n",
        OK,
        OK + HELLO[:10],
        OK + b"B" + HELLO[1:],
        OK + HELLO + message(2, "a", b"\xff\xff\xff\xff"),
        OK + HELLO + message(2, "a()", b"\x08\0\0\0\0\0\0\0" + bytes(8)),
        OK + HELLO + message(2, "s", b"\xff\xff\xff\x7f"),
        OK + HELLO + message(2, "a" * 40 + "y", NESTED),
        OK + HELLO + message(2, "v", b"\x01v\0" * 60),
        OK + HELLO + message(2, "(", b""),
    ],
)
def test_what_is_not_dbus_is_an_error_in_words(answers: bytes) -> None:
    assert "bus" in str(outcome(answers))


@given(st.binary(max_size=120), st.text("ybnqiuxtdsogav(){}", max_size=8), st.binary(max_size=60))
def test_any_bytes_give_a_value_or_our_error(noise: bytes, signature: str, body: bytes) -> None:
    outcome(noise)
    outcome(OK + noise)
    outcome(OK + HELLO + noise)
    outcome(OK + HELLO + message(2, signature, body))


@pytest.mark.parametrize("address", ["", "tcp:host=localhost", "unix:path=/nonexistent/bus"])
def test_a_bus_that_is_not_there_is_an_error(address: str) -> None:
    with pytest.raises(DBusError, match="message bus"):
        Connection(address).call(BUS, "/", BUS, "GetId")


# ---- against the real daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with message_bus.daemon(tmp_path_factory.mktemp("bus")) as address:
        yield address


def test_the_real_daemon_understands_us_and_we_understand_it(daemon: str) -> None:
    bus = Connection(daemon)
    path = "/org/freedesktop/DBus"
    assert BUS in bus.call(BUS, path, BUS, "ListNames")
    assert bus.call(BUS, path, BUS, "NameHasOwner", "org.nobody") is False
    assert bus.call(BUS, path, BUS, "GetConnectionUnixUser", BUS) == os.getuid()
    credentials = bus.call(BUS, path, BUS, "GetConnectionCredentials", BUS)
    assert credentials["UnixUserID"] == os.getuid()
    properties = bus.call(BUS, path, "org.freedesktop.DBus.Properties", "GetAll", BUS)
    assert isinstance(properties["Features"], list)
    with pytest.raises(DBusError, match="UnknownMethod"):
        bus.call(BUS, path, BUS, "Nothing")
    assert bus.call(BUS, path, BUS, "GetId")  # an error does not end the connection
    bus.close()
    assert bus.call(BUS, path, BUS, "GetId")  # and it comes back by itself
    bus.close()


def test_a_logind_that_is_not_on_the_bus_is_an_error_and_no_wait(daemon: str) -> None:
    bus = Connection(daemon)
    with pytest.raises(DBusError, match=r"ServiceUnknown|NameHasNoOwner"):
        bus.call("org.freedesktop.login1", "/org/freedesktop/login1", BUS, "ListSessions")
    bus.close()


def test_the_address_of_the_system_bus_is_where_every_distribution_puts_it() -> None:
    assert Path(dbus.SYSTEM_BUS.partition("path=")[2]).parent == Path("/run/dbus")
