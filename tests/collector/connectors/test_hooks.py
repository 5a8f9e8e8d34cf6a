"""Webhooks: signed events of the company's own systems, and vendors' calls that only wake the poll."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import Connection

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.audited import assert_clean
from tests.factories.vault import VAULT
from zaigang_collector import bootstrap, db
from zaigang_collector.bootstrap.hooks import hooks_of
from zaigang_collector.config import Settings
from zaigang_collector.connectors import state
from zaigang_collector.connectors.contract import Kind, Plan
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.hooks import callbacks, settings, signing
from zaigang_collector.connectors.hooks.callbacks import (
    DingTalkCalls,
    Envelope,
    FeishuCalls,
    WeComCalls,
)
from zaigang_collector.connectors.hooks.receiving import Hooks, Signed, Wakes
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts
from zaigang_collector.worktraces.model import EventKind

SECRET: Final = b"an-example-secret-of-32-characters"
SENTINEL: Final = "哨兵正文七七八八"
MINUTE_MS: Final = 60_000
ERP: Final = """
[signed.erp]
secret_file = "erp.secret"
source = "erp-demo"
[signed.erp.kinds]
login = "login"
document_save = "task"
[signed.erp.fields]
items = "events"
id = "event_id"
person = "employee_no"
happened = "occurred_at"
kind = "kind"
client_text = "detail.title"
"""
# DingTalk's callback encryption, its aes_key and token invented; checked with the openssl command.
AES_KEY: Final = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
DINGTALK: Final = {
    "signature": "b809194877a4c05abf25d5d49984495f899cf252",
    "timestamp": "1790000000000",
    "nonce": "abc123",
}
ENCRYPTED: Final = (
    "4j/AuRx71kQlxVlzbpsMWN8XtjwRdOcH+n7e3hsaZgEMcwZUcfF7dIDeZ037cZxfuLT1uZsZJfRk4ZKMYawAXw=="
)
# WeCom's own published vector.
WECOM: Final = {
    "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
    "timestamp": "1409659589",
    "nonce": "263014780",
    "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
}
WECOM_KEY: Final = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
NOW: Final = 1_790_000_000_000


def loaded(folder: Path, text: str) -> settings.HookSettings:
    path = folder / settings.FILE
    path.write_text(text, encoding="utf-8")
    return settings.load(path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        erp = loaded(tmp_path, ERP).signed["erp"]
        hooks = Hooks(
            {"erp": Signed("erp-demo", SECRET, erp)},
            {
                "ding": Wakes("dingtalk", DingTalkCalls(dingtalk(), made.randomness)),
                "wecom": Wakes("wecom", WeComCalls(wecom())),
                "feishu": Wakes("feishu", FeishuCalls("vt-fake", "fake-encrypt-key")),
            },
        )
        object.__setattr__(made.app.state.services, "hooks", hooks)
        object.__setattr__(made.app.state.services, "texts", Texts(("华远集团",)))
        yield made


def dingtalk() -> Envelope:
    return Envelope("tokfake", callbacks.aes_key(AES_KEY), "dingfakeappkey")


def wecom() -> Envelope:
    return Envelope("QDG6eK", callbacks.aes_key(WECOM_KEY), "wx5823bf96d3bd56c7")


def an_item(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"erp-{number:06}",
        "employee_no": "E001",
        "kind": "login",
        "occurred_at": "2026-09-21T09:30:00+08:00",
        "ip": f"203.0.113.24 {SENTINEL}",
        "detail": {"title": f"华远集团 {SENTINEL}", "note": SENTINEL},
    } | changes


def send(world: ApiWorld, *items: object, sent_ms: int | None = None, **headers: str) -> Any:
    body = json.dumps({"source": SENTINEL, "events": items}, ensure_ascii=False).encode()
    timestamp = str((world.clock.utc if sent_ms is None else sent_ms) // 1000)
    signed = {
        signing.TIMESTAMP: timestamp,
        signing.SIGNATURE: signing.sign(SECRET, timestamp, body),
    }
    return world.client.post("/api/v1/hooks/erp", content=body, headers=signed | headers)


def stored(world: ApiWorld) -> list[Any]:
    with db.reading(world.engine) as conn:
        return [one.content for one in service.events_of(conn, VAULT, "E001", 0, 2**50)]


def test_signed_events_are_stored_once_by_an_allow_list(
    world: ApiWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    saved = an_item(2, kind="document_save", occurred_at="2026-09-21T09:31:00+08:00", detail=None)
    other = an_item(3, kind=SENTINEL, occurred_at="2026-09-21T09:32:00+08:00", detail="x")
    strange = an_item(4, employee_no="E777")
    answer = send(world, an_item(), saved, other, strange)
    assert answer.status_code == 200
    assert answer.json() == {
        "added": 3,
        "new_versions": 0,
        "unchanged": 0,
        "not_ours": 1,
        "repeated": False,
        "refused": [],
    }
    assert [(one.kind, one.client, one.source) for one in stored(world)] == [
        (EventKind.LOGIN, True, "erp-demo"),
        (EventKind.TASK, None, "erp-demo"),
        (EventKind.OTHER, None, "erp-demo"),
    ]
    kept = b"".join(one.body() for one in stored(world))
    raw = b"".join(one.read_bytes() for one in tmp_path.glob("test.db*"))
    for form in (SENTINEL.encode(), json.dumps(SENTINEL).encode(), b"203.0.113.24"):
        assert form not in kept + raw
    assert SENTINEL not in answer.text + caplog.text
    assert send(world, an_item(), saved, sent_ms=world.clock.utc + 1000).json()["unchanged"] == 2
    assert_clean(world.engine)


def test_the_same_request_again_does_nothing_and_says_so(world: ApiWorld) -> None:
    send(world, an_item())
    later = send(world, an_item(kind="document_save"), sent_ms=world.clock.utc + 1000)
    assert later.json()["new_versions"] == 1
    played_back = send(world, an_item())
    assert (played_back.status_code, played_back.json()["repeated"]) == (200, True)
    assert [one.kind for one in stored(world)] == [EventKind.TASK]


@pytest.mark.parametrize("off_ms", [-5 * MINUTE_MS, 5 * MINUTE_MS])
def test_a_request_of_another_time_is_refused(world: ApiWorld, off_ms: int) -> None:
    beyond = off_ms + (1000 if off_ms > 0 else -1000)
    refused = send(world, an_item(), sent_ms=world.clock.utc + beyond)
    assert (refused.status_code, stored(world)) == (401, [])
    assert "within 5 minutes of this collector's clock" in refused.json()["detail"]
    assert send(world, an_item(), sent_ms=world.clock.utc + off_ms).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {signing.SIGNATURE: "0" * 64},
        {signing.SIGNATURE: ""},
        {signing.TIMESTAMP: "1790000001"},
        {signing.TIMESTAMP: "１７９００００００１"},
        {signing.SIGNATURE: signing.sign(b"another", "1790000000", b"")},
    ],
)
def test_whoever_has_not_the_secret_stores_nothing(
    world: ApiWorld, headers: dict[str, str]
) -> None:
    sent: dict[str, Any] = {name: value.encode() for name, value in headers.items()}
    answer = send(world, an_item(), **sent)
    assert (answer.status_code, stored(world)) == (401, [])
    assert SENTINEL not in answer.text


def test_a_body_that_was_changed_on_the_way_is_refused(world: ApiWorld) -> None:
    timestamp = str(world.clock.utc // 1000)
    headers = {
        signing.TIMESTAMP: timestamp,
        signing.SIGNATURE: "sha256=" + signing.sign(SECRET, timestamp, b'{"events": []}'),
    }
    url = "/api/v1/hooks/erp"
    good = world.client.post(url, content=b'{"events": []}', headers=headers)
    changed = world.client.post(url, content=b'{"events": [1]}', headers=headers)
    assert (good.status_code, changed.status_code) == (200, 401)


def test_a_signature_is_what_a_sender_computes_by_hand() -> None:
    """printf '1790000000.{}' | openssl dgst -sha256 -hmac an-example-secret-of-32-characters"""
    expected = "e7e4d9635340b013b89880951c0fd05de45a2fba851b00c9615f6bc3ec5c0e4e"
    assert signing.sign(SECRET, "1790000000", b"{}") == expected


def test_what_cannot_be_read_is_named_by_place_and_the_rest_is_stored(world: ApiWorld) -> None:
    answer = send(
        world,
        an_item(),
        an_item(2, event_id=None),
        an_item(3, employee_no=["E001"]),
        an_item(4, occurred_at="2026-09-21 09:30:00"),
        an_item(5, occurred_at=SENTINEL),
        an_item(6, event_id="x" * 201),
        SENTINEL,
        an_item(7, occurred_at="1970-01-01T00:00:00Z"),
    )
    told = answer.json()
    assert (told["added"], len(stored(world))) == (1, 1)
    assert [(one["item"], one["where"]) for one in told["refused"]] == [
        (1, "event_id"),
        (2, "employee_no"),
        (3, "occurred_at"),
        (4, "occurred_at"),
        (5, "event_id"),
        (6, "event_id"),
        (None, "occurred_at"),
    ]
    assert SENTINEL not in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"[1]", b'{"events": {}}', b'{"events": [' + b"1," * 500 + b"1]}", b"[" * 9999],
)
def test_a_body_without_events_is_refused_whole(world: ApiWorld, body: bytes) -> None:
    timestamp = str(world.clock.utc // 1000)
    headers = {
        signing.TIMESTAMP: timestamp,
        signing.SIGNATURE: signing.sign(SECRET, timestamp, body),
    }
    answer = world.client.post("/api/v1/hooks/erp", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "body")


def test_too_much_is_refused_before_it_is_all_read(world: ApiWorld) -> None:
    answer = world.client.post("/api/v1/hooks/erp", content=bytes(signing.BODY_MAX + 1))
    assert answer.status_code == 413
    assert world.client.post("/api/v1/hooks/erp", content=bytes(1000)).status_code == 401
    assert world.client.post("/api/v1/hooks/none", content=b"{}").status_code == 401
    assert world.client.get("/api/v1/hooks/erp").status_code == 401


@pytest.mark.parametrize(("times", "value"), [("s", 1789954200), ("ms", "1789954200000")])
def test_times_may_be_numbers(tmp_path: Path, times: str, value: object) -> None:
    from zaigang_collector.connectors.hooks import mapping

    text = ERP.replace('source = "erp-demo"', f'times = "{times}"')
    erp = loaded(tmp_path, text).signed["erp"]
    body = json.dumps({"events": [an_item(occurred_at=value)]}).encode()
    assert [one.happened_ms for one in mapping.read(body, erp).events] == [1_789_954_200_000]
    for wrong in (True, "x", -1, 2**60, None, "2026-09-21T09:30:00+08:00"):
        body = json.dumps({"events": [an_item(occurred_at=wrong)]}).encode()
        assert [one.where for one in mapping.read(body, erp).problems] == ["occurred_at"]


# Vendors' calls.


def asked(conn: Connection, source: str, *, at_ms: int, fails: bool = False) -> None:
    """It was asked for punches and approvals at that time, and is asked again in half an hour."""
    plan = Plan(30 * MINUTE_MS, 0)
    for kind in (Kind.PUNCHES, Kind.APPROVALS):
        state.succeeded(conn, source, kind, at_ms, plan, at_ms)
        if fails:
            state.failed(conn, source, kind, ConnectorError(Reason.BANNED, source), plan, at_ms)


def next_ms(world: ApiWorld, source: str, kind: Kind = Kind.PUNCHES) -> int:
    with db.reading(world.engine) as conn:
        found = state.get(conn, source, kind)
    assert found is not None
    return found.next_ms


def ding(world: ApiWorld, event: dict[str, Any]) -> Any:
    sealed = dingtalk().sealed(json.dumps(event).encode(), bytes(16))
    query = {"timestamp": str(world.clock.utc), "nonce": "n1"}
    query["msg_signature"] = dingtalk().signature(query["timestamp"], "n1", sealed)
    return world.client.post("/api/v1/hooks/ding", params=query, json={"encrypt": sealed})


def test_a_call_of_dingtalk_wakes_the_poll_and_leaves_nothing_else(
    world: ApiWorld, tmp_path: Path
) -> None:
    now_ms = world.clock.utc
    with db.writing(world.engine) as conn:
        asked(conn, "dingtalk", at_ms=now_ms - 15 * MINUTE_MS)
    record = {"userId": SENTINEL, "bizId": SENTINEL, "address": SENTINEL}
    answer = ding(world, {"EventType": "attendance_check_record", "DataList": [record]})
    assert answer.status_code == 200
    assert next_ms(world, "dingtalk") == now_ms
    assert next_ms(world, "dingtalk", Kind.APPROVALS) == now_ms + 15 * MINUTE_MS
    said = answer.json()
    query = {"timestamp": said["timeStamp"], "nonce": said["nonce"]}
    query["msg_signature"] = said["msg_signature"]
    assert dingtalk().opened(query, said["encrypt"], 1, now_ms) == b"success"
    raw = b"".join(one.read_bytes() for one in tmp_path.glob("test.db*"))
    assert SENTINEL.encode() not in raw
    assert stored(world) == []


def test_calls_all_the_time_do_not_ask_all_the_time(world: ApiWorld) -> None:
    now_ms = world.clock.utc
    with db.writing(world.engine) as conn:
        asked(conn, "dingtalk", at_ms=now_ms - MINUTE_MS)
    for _ in range(3):
        ding(world, {"EventType": "bpms_instance_change"})
    assert next_ms(world, "dingtalk", Kind.APPROVALS) == now_ms + 9 * MINUTE_MS
    assert next_ms(world, "dingtalk") == now_ms + 29 * MINUTE_MS
    with db.writing(world.engine) as conn:
        asked(conn, "dingtalk", at_ms=now_ms - 15 * MINUTE_MS, fails=True)
    before = next_ms(world, "dingtalk")
    ding(world, {"EventType": "attendance_check_record"})
    assert next_ms(world, "dingtalk") == before


def test_dingtalks_published_way_of_sealing_is_ours() -> None:
    plain = dingtalk().opened(DINGTALK, ENCRYPTED, 1, NOW)
    assert plain == b'{"EventType":"check_url"}'
    assert dingtalk().sealed(plain, b"0123456789abcdef") == ENCRYPTED
    reply = dingtalk().sealed(b"success", b"0123456789abcdef")
    assert dingtalk().signature("1790000000000", "abc123", reply) == (
        "d35854ed156e9e1c419f07af9e103414d4a6047c"
    )


def test_wecom_tries_the_address_and_gets_its_echo(world: ApiWorld) -> None:
    world.clock.utc = 1_409_659_589_000
    answer = world.client.get("/api/v1/hooks/wecom", params=WECOM)
    assert (answer.status_code, answer.text) == (200, "1616140317555161061")
    assert world.client.get("/api/v1/hooks/wecom", params=WECOM | {"nonce": "1"}).status_code == 401
    world.clock.utc += 6 * MINUTE_MS
    assert world.client.get("/api/v1/hooks/wecom", params=WECOM).status_code == 401
    assert world.client.get("/api/v1/hooks/ding").status_code == 401


def test_a_call_of_wecom_wakes_by_the_name_of_its_event(world: ApiWorld) -> None:
    now_ms = world.clock.utc
    with db.writing(world.engine) as conn:
        asked(conn, "wecom", at_ms=now_ms - 15 * MINUTE_MS)
    plain = f"<xml><Event><![CDATA[sys_approval_change]]></Event><x>{SENTINEL}</x></xml>"
    sealed = wecom().sealed(plain.encode(), bytes(16))
    query = {"timestamp": str(now_ms // 1000), "nonce": "n"}
    query["msg_signature"] = wecom().signature(query["timestamp"], "n", sealed)
    body = f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    answer = world.client.post("/api/v1/hooks/wecom", params=query, content=body.encode())
    assert (answer.status_code, answer.text) == (200, "success")
    assert next_ms(world, "wecom", Kind.APPROVALS) == now_ms
    assert next_ms(world, "wecom") == now_ms + 15 * MINUTE_MS
    assert world.client.post("/api/v1/hooks/wecom", content=b"<xml/>").status_code == 401


def feishu_body(event: dict[str, Any]) -> bytes:
    """As Feishu encrypts; the vector below says that it does."""
    key, iv = hashlib.sha256(b"fake-encrypt-key").digest(), bytes(range(16))
    padder = padding.PKCS7(128).padder()
    padded = padder.update(json.dumps(event).encode()) + padder.finalize()
    sealer = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    sealed = iv + sealer.update(padded) + sealer.finalize()
    return json.dumps({"encrypt": base64.b64encode(sealed).decode()}).encode()


def feishu_headers(body: bytes, timestamp: str) -> dict[str, str]:
    signed = (timestamp + "nonce123" + "fake-encrypt-key").encode() + body
    return {
        "x-lark-request-timestamp": timestamp,
        "x-lark-request-nonce": "nonce123",
        "x-lark-signature": hashlib.sha256(signed).hexdigest(),
    }


def test_feishus_signature_is_that_of_the_vector() -> None:
    body = (Path(__file__).parents[2] / "fakes/feishu_answers/event_body.json").read_bytes()
    headers = {
        "x-lark-request-timestamp": "1790000001",
        "x-lark-request-nonce": "nonce123",
        "x-lark-signature": "8d32812ef4abe5fd6626ad84f70b0cc5248ccd393f9b0ef392e6fa6a3e0650da",
    }
    called = FeishuCalls("vt-fake", "fake-encrypt-key").called({}, headers, body, NOW)
    assert called.event == "attendance.user_flow.created_v1"
    assert called.wakes == (Kind.PUNCHES, Kind.CHECK_INS)
    with pytest.raises(signing.RefusedError, match="token"):
        FeishuCalls("other", "fake-encrypt-key").called({}, headers, body, NOW)
    with pytest.raises(signing.RefusedError, match="signature"):
        FeishuCalls("vt-fake", "another-key").called({}, headers, body, NOW)


def test_a_call_of_feishu_wakes_and_its_trial_is_answered(world: ApiWorld) -> None:
    now_ms = world.clock.utc
    url, timestamp = "/api/v1/hooks/feishu", str(now_ms // 1000)
    trial = feishu_body({"type": "url_verification", "token": "vt-fake", "challenge": "c-1"})
    assert world.client.post(url, content=trial).json() == {"challenge": "c-1"}
    stranger = feishu_body({"type": "url_verification", "token": "x", "challenge": "c-1"})
    assert world.client.post(url, content=stranger).status_code == 401
    with db.writing(world.engine) as conn:
        asked(conn, "feishu", at_ms=now_ms - 15 * MINUTE_MS)
    head = {"token": "vt-fake", "event_type": "approval.instance.updated"}
    body = feishu_body({"schema": "2.0", "header": head, "event": {"comment": SENTINEL}})
    assert world.client.post(url, content=body).status_code == 401
    late = feishu_headers(body, str(now_ms // 1000 - 301))
    assert world.client.post(url, content=body, headers=late).status_code == 401
    assert next_ms(world, "feishu", Kind.APPROVALS) == now_ms + 15 * MINUTE_MS
    answer = world.client.post(url, content=body, headers=feishu_headers(body, timestamp))
    assert (answer.status_code, next_ms(world, "feishu", Kind.APPROVALS)) == (200, now_ms)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"encrypt": 1}', b'{"encrypt": "!"}', b"\0"])
@pytest.mark.parametrize("name", ["ding", "wecom", "feishu"])
def test_whatever_comes_to_a_vendors_hook_is_refused_and_not_a_fault(
    world: ApiWorld, name: str, body: bytes
) -> None:
    assert world.client.post(f"/api/v1/hooks/{name}", content=body).status_code == 401


def test_a_call_for_another_company_or_with_a_wrong_length_is_refused() -> None:
    other = Envelope("tokfake", callbacks.aes_key(AES_KEY), "dingother")
    with pytest.raises(signing.RefusedError, match="another company"):
        other.opened(DINGTALK, ENCRYPTED, 1, NOW)
    with pytest.raises(signing.RefusedError, match="within 5 minutes"):
        dingtalk().opened(DINGTALK, ENCRYPTED, 1, NOW + 6 * MINUTE_MS)
    long = bytes(16) + struct.pack(">I", 2**31) + b"x"
    padder = padding.PKCS7(256).padder()
    padded = padder.update(long) + padder.finalize()
    key = callbacks.aes_key(AES_KEY)
    sealer = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(sealer.update(padded) + sealer.finalize()).decode()
    query = {"timestamp": str(NOW), "nonce": "n"}
    query["signature"] = dingtalk().signature(str(NOW), "n", sealed)
    with pytest.raises(signing.RefusedError, match="another company"):
        dingtalk().opened(query, sealed, 1, NOW)


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ("check_in", (Kind.PUNCHES, Kind.CHECK_INS)),
        ("leave_approval", (Kind.LEAVE, Kind.APPROVALS, Kind.EVENTS)),
        ("project_task_updated", (Kind.EVENTS,)),
        ("user_leave_org", ()),
        ("chat_update_title", ()),
    ],
)
def test_only_events_that_we_ask_about_wake(event: str, kinds: tuple[Kind, ...]) -> None:
    assert callbacks.Called(event, "", "").wakes == kinds


# Settings.


WAKES = '[wakes.ding]\nvendor = "dingtalk"\ntoken_file = "t"\nkey_file = "k"\nowner = "app"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[signed.ERP]", "ERP|pattern|regex"),
        (ERP.replace('id = "event_id"', ""), "id"),
        (ERP.replace('"event_id"', '"a..b"'), "signed"),
        (ERP + "ip = 'ip'", "ip"),
        (ERP.replace('= "task"', '= "sleep"'), "sleep"),
        (WAKES.replace("dingtalk", "slack"), "slack"),
        (WAKES.replace('owner = "app"', ""), "wakes.ding: expected owner"),
        (WAKES.replace("dingtalk", "feishu"), "wakes.ding: expected no owner"),
        (ERP + WAKES.replace("wakes.ding", "wakes.erp"), "erp is in"),
        (ERP.replace("erp-demo", "wecom"), "another source than wecom"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, text)


def test_a_collector_reads_its_hooks_and_their_secrets(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bootstrap.init(data, Settings())
    with bootstrap.opened(data) as collector:
        assert hooks_of(collector) == Hooks()
        feishu = WAKES.replace("dingtalk", "feishu").replace('owner = "app"', "")
        feishu = feishu.replace("wakes.ding", "wakes.lark")
        wecom_hook = WAKES.replace("dingtalk", "wecom").replace("wakes.ding", "wakes.wx")
        (data / "hooks.toml").write_text(ERP + WAKES + feishu + wecom_hook)
        with pytest.raises(ConfigError, match=r"erp\.secret"):
            hooks_of(collector)
        for name, secret in (("erp.secret", "short"), ("t", "token"), ("k", AES_KEY)):
            (data / name).write_text(secret)
            (data / name).chmod(0o600)
        with pytest.raises(ConfigError, match="fewer than 32 characters"):
            hooks_of(collector)
        (data / "erp.secret").write_bytes(SECRET)
        found = hooks_of(collector)
        assert (found.signed["erp"].source, found.signed["erp"].secret) == ("erp-demo", SECRET)
        assert {name: one.source for name, one in found.wakes.items()} == {
            "ding": "dingtalk",
            "lark": "feishu",
            "wx": "wecom",
        }
        shown = repr(found)
        assert SECRET.decode() not in shown
        assert AES_KEY not in shown
        (data / "k").write_text("too-short")
        with pytest.raises(ConfigError, match="not the 43 characters"):
            hooks_of(collector)
