"""Answers of the device endpoint, as they come and as they should not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.endpoint import Address, parse_url, read_answer

_WHOLE = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\ntoken"


def test_an_answer_is_its_status_and_its_content() -> None:
    assert read_answer(_WHOLE) == (200, b"token")
    assert read_answer(b"HTTP/1.0 404\r\n\r\n") == (404, b"")
    assert read_answer(b"HTTP/1.1 201 \r\n\r\na\r\n\r\nb") == (201, b"a\r\n\r\nb")


@pytest.mark.parametrize("length", range(len(_WHOLE)))
def test_an_answer_that_broke_off_is_none(length: int) -> None:
    assert read_answer(_WHOLE[:length]) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\ntoken",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntoken",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_answer_in_http_1_is_none(answer: bytes) -> None:
    assert read_answer(answer) is None


@given(st.binary())
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    for answer in (data, b"HTTP/1.1 200 OK\r\n" + data, b"HTTP/1.1 " + data + b"\r\n\r\n"):
        read = read_answer(answer)
        assert read is None or (0 <= read[0] <= 999 and answer.endswith(read[1]))


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://127.0.0.1:8471", Address("127.0.0.1", 8471)),
        (" https://Collector.example:8471/ ", Address("collector.example", 8471)),
        ("https://[::1]:8471", Address("::1", 8471)),
    ],
)
def test_an_address_is_read_as_typed_and_written_the_same(typed: str, address: Address) -> None:
    assert parse_url(typed) == address
    assert parse_url(str(address)) == address
