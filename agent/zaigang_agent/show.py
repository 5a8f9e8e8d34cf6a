"""`show`: what this device would send next, in words, and what it never sends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, assert_never

from msgspec.structs import replace

from zaigang_agent import bootstrap, orders, schedule, statusfile
from zaigang_agent.bootstrap import World
from zaigang_agent.config import LocalConfig
from zaigang_agent.errors import ConfigError, SampleError
from zaigang_agent.keys import Identity
from zaigang_agent.privacy import NEVER
from zaigang_agent.samplers.base import Now, Sampler
from zaigang_agent.samplers.registry import build as build_samplers
from zaigang_agent.spool import Spool, iterate
from zaigang_shared import envelope
from zaigang_shared.clock import Clock
from zaigang_shared.errors import WireError
from zaigang_shared.readings import (
    Advert,
    Beacon,
    Environment,
    Gap,
    Health,
    Network,
    Reading,
    Scan,
    Session,
    Usage,
    decode_all,
)

_LOOK_S: Final = 2.0
_SHOWN_ENVELOPES: Final = 3
_LEVELS: Final = (
    ("no input", "无操作"),
    ("input in under a third of it", "操作时间不到三分之一"),
    ("input in under two thirds of it", "操作时间不到三分之二"),
    ("input in most of it", "大部分时间有操作"),
)
_LINKS: Final = {"ethernet": "有线", "wifi": "无线", "cellular": "移动网络", "none": "未连接"}
_PLACES: Final = {"local": "本机会话", "remote": "远程会话", "none": "无会话"}
_REASONS: Final = {
    "off_hours": "工作时间以外",
    "paused": "已暂停",
    "suspended": "休眠",
    "crash": "程序未运行",
    "disk_full": "磁盘已满",
    "sensor_failed": "传感器故障",
    "permission": "无权读取",
}
_EVENTS: Final = {
    "boot": "开机",
    "shutdown": "关机",
    "login": "登录",
    "logout": "注销",
    "lock": "锁屏",
    "unlock": "解锁",
    "suspend": "休眠",
    "resume": "唤醒",
}


def lines(identity: Identity, local: LocalConfig, world: World) -> Iterator[str]:
    """The page, line by line. Raises IdentityError, SpoolError."""
    with Spool.peek(identity.state_dir) as spool:
        yield f"device 设备      {identity.device_id} ({identity.card.kind})"
        yield f"to 发往          {identity.card.mqtt_host}:{identity.card.mqtt_port}, signed 已签名"
        yield ""
        yield "WOULD BE SENT NEXT 接下来会发送"
        yield from _next(identity, local, world, spool)
        yield ""
        yield "SEALED, WAITING FOR A RECEIPT 已签名、等待回执"
        yield from _waiting(identity, spool)
    yield ""
    yield "NEVER READ FOR SENDING 从不读取、从不发送"
    yield from (f"  · {english}  {chinese}" for english, chinese in NEVER)


def describe(reading: Reading) -> str:
    """One reading in English and Chinese: all that is in it, nothing hidden."""
    match reading:
        case Usage():
            english, chinese = _usage(reading)
        case Session():
            english, chinese = f"session: {reading.event}", f"会话事件：{_EVENTS[reading.event]}"
        case Network():
            english, chinese = _network(reading)
        case Environment():
            english, chinese = _environment(reading)
        case Beacon():
            english = (
                f"beacon {reading.id.hex()} ({reading.scheme}): heard {reading.n} times, at most "
                f"{reading.rssi_max} dBm, in the middle {reading.rssi_med} dBm"
            )
            chinese = f"信标：收到 {reading.n} 次"
        case Scan():
            english = (
                f"radio: {reading.adverts} advertisements of {reading.devices} devices counted and "
                f"dropped, {'healthy' if reading.healthy else 'NOT healthy'}, "
                f"{reading.restarts} restarts"
            )
            chinese = f"无线扫描：{'正常' if reading.healthy else '异常'}"
        case Advert():
            english = (
                f"own beacon: {'sent' if reading.ok else 'NOT sent'} in slots "
                f"{reading.slot_first} to {reading.slot_last}"
            )
            chinese = f"本节点信标：{'已广播' if reading.ok else '未广播'}"
        case Health():
            english, chinese = _health(reading)
        case Gap():
            english = f"nothing observed: {reading.reason}"
            chinese = f"无观测：{_REASONS[reading.reason]}"
        case _:
            assert_never(reading)
    span = f"{reading.span_ms / 1000:.0f} s, " if reading.span_ms else ""
    return f"{span}{english}  {chinese}"


def _usage(reading: Usage) -> tuple[str, str]:
    level_en, level_zh = _LEVELS[reading.active]
    english = [
        f"use: {level_en}, session {reading.session}",
        "locked" if reading.locked else "open",
    ]
    chinese = [
        f"使用：{level_zh}",
        _PLACES[reading.session],
        "已锁屏" if reading.locked else "未锁屏",
    ]
    if reading.regular:
        english.append("input too regular for a hand")
        chinese.append("操作过于规律")
    english += [f"{label}: level {level}" for label, level in reading.apps.items()]
    english += [f"{label}: {count} files changed" for label, count in reading.touched.items()]
    return ", ".join(english), "，".join(chinese)


def _network(reading: Network) -> tuple[str, str]:
    tunnel = "VPN up" if reading.vpn else "no VPN"
    gateway = f"gateway as keyed hash {reading.net.hex()}" if reading.net else "no gateway"
    seen = "with" if reading.vantage else "without"
    return (
        f"network: {reading.link}, {tunnel}, {gateway}, {seen} the collector's word on our address",
        f"网络：{_LINKS[reading.link]}，{'已连 VPN' if reading.vpn else '未用 VPN'}，"
        f"{'网关仅以密钥哈希形式' if reading.net else '无网关'}，"
        f"{'附' if reading.vantage else '不附'}采集端看到的出口地址",
    )


def _environment(reading: Environment) -> tuple[str, str]:
    values = f"{reading.temp_c} °C{_within(reading.temp_acc_c)}"
    values += f", {reading.rh_pct} %{_within(reading.rh_acc_pct)} RH"
    if reading.pressure_hpa is not None:
        values += f", {reading.pressure_hpa} hPa"
    if reading.co2_ppm is not None:
        values += f", {reading.co2_ppm} ppm CO2"
    english = f"air: {values}, by {reading.model} {reading.sensor}"
    chinese = f"环境：{values}"
    if reading.self_heat_c is not None:
        english += f", of it the node's own warmth {reading.self_heat_c} °C"
        chinese += f"，其中设备自身发热 {reading.self_heat_c} °C"
    return english, chinese


def _within(accuracy: float | None) -> str:
    return "" if accuracy is None else f" ± {accuracy}"


def _health(reading: Health) -> tuple[str, str]:
    battery = "" if reading.battery_pct is None else f", battery {reading.battery_pct:.0f} %"
    errors = ", ".join(f"{code} {n}" for code, n in reading.errors.items()) or "none"
    return (
        f"agent {reading.agent}: {reading.spooled} envelopes wait, {reading.rss_mb} MB of memory, "
        f"{reading.cpu_pct} % of a processor, {reading.disk_free_mb} MB of disk free{battery}, "
        f"errors: {errors}",
        "程序自身状态",
    )


def _next(identity: Identity, local: LocalConfig, world: World, spool: Spool) -> Iterator[str]:
    closed = _why_closed(identity, world.clock)
    if closed is not None:
        yield f"  · nothing about the person: {closed}"
    # As in the running agent, but each says at once what it otherwise says once a minute or hour.
    told = orders.look(identity).config.config
    quick = replace(told, usage_s=1, network_s=1, environment_s=1, beacon_s=1)
    around = bootstrap.surroundings(identity, local, world, spool, Counter())
    samplers = [s for s in build_samplers(quick, around) if closed is None or not s.personal]
    found = _look(samplers, world.clock)
    threading.Event().wait(_LOOK_S)
    # Some say something at the first look, some only of the time between two.
    found |= _look(samplers, world.clock, int(_LOOK_S * 1000))
    yield from (f"  · {text}" for texts in found.values() for text in texts)
    if world.radio is None and not local.radio.off:
        yield (
            "  · not listened to for this page: our beacons and thermometers by Bluetooth, and how "
            "many devices there were 本页未监听蓝牙，运行时会附上本公司信标及设备总数"
        )
    if closed is None and identity.card.kind == "laptop":
        minutes = round(identity.config.config.vantage_s / 60)
        yield (
            f"  · not asked for now, but every {minutes} min by the running agent: the collector's "
            f"word on the address that it sees us from  运行时每 {minutes} 分钟还会附上采集端看到的出口地址"
        )


def _look(samplers: Sequence[Sampler], clock: Clock, span_ms: int = 0) -> dict[str, list[str]]:
    """What each sampler says, in words; those that say nothing are left out."""
    now = Now(clock.utc_ms(), clock.boot_ms(), span_ms)
    found = {}
    for sampler in samplers:
        try:
            texts = [describe(reading) for reading in sampler.sample(now)]
        except SampleError as error:
            texts = [f"{sampler.name}: nothing, and a gap says so ({error.detail})"]
        if texts:
            found[sampler.name] = texts
    return found


def _why_closed(identity: Identity, clock: Clock) -> str | None:
    if statusfile.is_paused(identity.state_dir):
        return "paused; zaigang-agent resume ends it 已暂停"
    try:
        if schedule.allowed(identity.config.config.hours, clock.utc_ms()):
            return None
    except ConfigError as error:
        return str(error)
    return "outside the configured working hours 工作时间以外"


def _waiting(identity: Identity, spool: Spool) -> Iterator[str]:
    if not spool.waiting:
        yield "  · none 无"
        return
    public_key = identity.key.public_key()
    for number, (seq, data) in enumerate(iterate(spool)):
        if number == _SHOWN_ENVELOPES:
            yield f"  … and {spool.waiting - number} more 以及其余 {spool.waiting - number} 个"
            return
        try:
            opened = envelope.open_sealed(data, public_key)
            readings = decode_all(opened.readings, opened.seal.up_ms)
        except WireError as error:
            yield f"  envelope {seq}: damaged in the spool ({error})"
            continue
        when = datetime.fromtimestamp(opened.seal.wall_ms / 1000, UTC)
        yield f"  envelope {seq}, sealed {when:%Y-%m-%d %H:%M:%S} UTC, {len(data)} bytes"
        yield from (f"    · {describe(r)}" for r in readings if r is not None)
