"""Passwords, one-time codes, waits: the parts of signing in, and the values that others published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector.access import links, passwords, secrets, throttle, totp
from zaigang_collector.access.links import Leads
from zaigang_collector.access.passwords import Hasher, TooBusyError
from zaigang_collector.access.tables import ATTEMPT, LINK

NOW = 1_790_000_000_000
DAY = 86_400_000


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


# RFC 6238, appendix B: SHA-1, eight digits, the secret "12345678901234567890".
@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    secret = b"12345678901234567890"
    assert totp.code(secret, at_s // totp.STEP_S, 8) == code
    assert totp.matching_step(secret, code[2:], at_s * 1000, 0) == at_s // totp.STEP_S


def test_a_code_is_good_for_half_a_minute_on_either_side_and_never_again() -> None:
    secret, step = bytes(20), NOW // 1000 // totp.STEP_S
    code = totp.code(secret, step)
    taken = [totp.matching_step(secret, code, NOW + s * 1000, 0) for s in (-60, -30, 0, 30, 60)]
    assert taken == [None, step, step, step, None]
    assert totp.matching_step(secret, code, NOW, step) is None
    assert totp.matching_step(secret, "０" * 6, NOW, 0) is None


@pytest.mark.parametrize(
    "common",
    [
        "short",
        "password1234",
        "Password2026!",
        "P@ssw0rd!P@ssw0rd!",
        "123456789012345",
        "qwertyuiop123",
        "1qaz2wsx3edc4rfv",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "woaini5201314",
        "zaigang20261127",
        "zhang.hrzhang.hr",
        "Zhang.HR-2026-11",
        "admin@admin@admin",
        "x" * 201,
        "a\x00bcdefghijkl",
        "一二",
    ],
)
def test_passwords_that_everybody_tries_are_not_taken(common: str) -> None:
    assert passwords.objection(common, "zhang.hr") is not None


@pytest.mark.parametrize(
    "good",
    [
        "correct horse battery staple",
        "kT9#vq2Lx!mZ",
        "山高月小水落石出清风徐来",
        "three plums under a blue tram",
        "vuwoxpqazrkd",
    ],
)
def test_a_sentence_or_twelve_of_ones_own_is_a_password(good: str) -> None:
    assert passwords.objection(good, "zhang.hr") is None


@given(st.text(max_size=250))
def test_whatever_somebody_types_is_judged(text: str) -> None:
    assert passwords.objection(text, "x") is None or len(passwords.objection(text, "x") or "") > 10


def test_hashes_are_argon2id_with_the_numbers_of_the_page() -> None:
    kept = Hasher().hash("correct horse")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Hasher().fits(kept, "correct horse")
    assert not Hasher().fits(kept, "correct horsf")
    assert Hasher(1, 8, 1).is_old(kept)


def test_the_same_characters_from_another_keyboard_are_the_same_password() -> None:
    hasher = Hasher(1, 8, 1)
    assert hasher.fits(hasher.hash("cafe\u0301 au lait et Ａ"), "caf\u00e9 au lait et A")


def test_nobody_is_hashed_for_as_somebody_is() -> None:
    """What takes the time is done in both cases: the test counts it, as clocks are not to be
    trusted on a busy machine."""
    hasher = Hasher(1, 8, 1)
    verified: list[str] = []
    plain = hasher._argon.verify

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            verified.append(kept.rsplit("$", 2)[0])
            return plain(kept, password)

    kept = hasher.hash("right")
    hasher._argon = Counting()  # type: ignore[assignment]  # counts, and asks the real one
    assert [hasher.fits(None, "x"), hasher.fits(kept, "x"), hasher.fits(kept, "right")] == [
        False, False, True,
    ]  # fmt: skip
    assert len(verified) == 3
    assert len(set(verified)) == 1


def test_a_crowd_is_told_to_come_again_and_fills_no_memory() -> None:
    hasher = Hasher(1, 8, 1, wait_s=0.0)
    with hasher._in_turn(), hasher._in_turn(), pytest.raises(TooBusyError):
        hasher.fits(None, "x")
    assert not hasher.fits(None, "x")


def test_the_wait_grows_and_is_the_same_for_a_name_that_nobody_has(conn: Connection) -> None:
    now, waits = NOW, []
    for _ in range(12):
        tried = throttle.count(conn, "nobody", now)
        assert tried.wait_ms == 0
        early = throttle.count(conn, "nobody", now)
        waits.append(early.wait_ms)
        now += early.wait_ms
        if not early.wait_ms:
            conn.execute(sa.update(ATTEMPT).values(tries=ATTEMPT.c.tries - 1))  # the early one
    assert waits[:5] == [0, 0, 0, 0, 30_000]
    assert waits[5:] == [60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000]


def test_a_day_has_no_more_than_a_hundred_tries_at_one_name(conn: Connection) -> None:
    now, tries = NOW, 0
    while now < NOW + DAY:
        tried = throttle.count(conn, "x", now)
        tries += tried.wait_ms == 0
        now += max(tried.wait_ms, 1)
    assert 90 < tries < 110


def test_tries_are_forgotten_after_a_day_without_any(conn: Connection) -> None:
    for _ in range(5):
        throttle.count(conn, "x", NOW)
    assert throttle.count(conn, "x", NOW + 1).wait_ms > 0
    assert throttle.count(conn, "x", NOW + DAY).number == 1


def test_what_was_typed_is_not_kept(conn: Connection) -> None:
    throttle.count(conn, "my password in the wrong field", NOW)
    assert "my password" not in repr(conn.execute(sa.select(ATTEMPT)).all())


def test_strangers_cannot_fill_the_disk_nor_push_out_whom_they_guess_at(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "_NAMES_MAX", 100)
    for _ in range(6):
        throttle.count(conn, "victim", NOW)
    for number in range(500):
        throttle.count(conn, f"name-{number}", NOW + 1)
    assert conn.scalar(sa.select(sa.func.count()).select_from(ATTEMPT)) <= 100  # type: ignore[operator]
    assert throttle.count(conn, "victim", NOW + 2).wait_ms > 0


def a_link(conn: Connection) -> str:
    return links.create(conn, Leads("E001", "case-1"), NOW, NOW + DAY, Repeatable("link"))


def a_code(conn: Connection, text: str, now_ms: int = NOW) -> str:
    made = links.send_code(conn, text, now_ms, Repeatable(str(now_ms)))
    assert made is not None
    assert made.employee_id == "E001"
    assert len(made.code) == 6
    return made.code


def opened(conn: Connection, text: str, code: str, now_ms: int = NOW) -> bool:
    return links.open_session(conn, text, code, now_ms, Repeatable("session")) is not None


def test_a_link_opens_once_and_with_its_code_only(conn: Connection) -> None:
    text = a_link(conn)
    assert not opened(conn, text, "")  # before there is a code
    code = a_code(conn, text)
    assert not opened(conn, text, "000000" if code != "000000" else "111111")
    assert opened(conn, text, f" {code} ")
    assert not opened(conn, text, code)
    assert links.send_code(conn, text, NOW, Repeatable()) is None


def test_the_fifth_wrong_code_ends_a_link_for_the_right_one_as_well(conn: Connection) -> None:
    text = a_link(conn)
    code = a_code(conn, text)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert not any(opened(conn, text, wrong) for _ in range(links.TRIES_MOST))
    assert not opened(conn, text, code)


def test_a_new_code_ends_the_old_one_and_there_are_three(conn: Connection) -> None:
    text = a_link(conn)
    first, second = a_code(conn, text), a_code(conn, text, NOW + 1)
    assert first != second
    assert not opened(conn, text, first)
    a_code(conn, text, NOW + 2)
    assert links.send_code(conn, text, NOW + 3, Repeatable()) is None


def test_a_link_and_its_code_are_over_when_they_are_over(conn: Connection) -> None:
    text = a_link(conn)
    code = a_code(conn, text)
    assert not opened(conn, text, code, NOW + links.CODE_MS)
    assert links.send_code(conn, text, NOW + DAY, Repeatable()) is None
    other = links.create(conn, Leads("E001", "case-2"), NOW, NOW + DAY, Repeatable("2"))
    assert links.revoke_case(conn, "case-2", NOW) == 1
    assert links.send_code(conn, other, NOW, Repeatable()) is None


def test_neither_link_nor_code_can_be_read_off_the_database(conn: Connection) -> None:
    text = a_link(conn)
    code = a_code(conn, text)
    row = conn.execute(sa.select(LINK)).one()
    secret = text.rsplit("-", 1)[1]
    assert secret not in repr(tuple(row))
    # Six digits alone would be found by trying: not without the secret, which is not there.
    import hashlib
    import hmac

    assert row.code_hash != hashlib.sha256(code.encode()).digest()
    assert row.code_hash == hmac.digest(secret.encode(), code.encode(), "sha256")


@given(st.one_of(st.text(max_size=60), st.from_regex(r"zglnk-[a-z2-7]{8}-[a-z2-7]{32}")))
def test_whatever_is_sent_as_a_link_opens_nothing(text: str) -> None:
    with database.in_memory() as conn:
        a_link(conn)
        assert links.send_code(conn, text, NOW, Repeatable()) is None
        assert not opened(conn, text, "123456")


def test_a_secret_is_not_shown_by_accident() -> None:
    made = secrets.new("zgses", Repeatable())
    assert made.secret not in f"{made!r} {made}"
    assert secrets.read("zgses", made.text) == made
    assert secrets.read("zgapi", made.text) is None
