"""WeCom's records, read by an allow-list. Pure.

Kept of a record are ids, times, coordinates and the words of two enumerations: what is listed in
`_KEPT_*`, `_DIRECTIONS` and `_EXCEPTIONS`, as WeCom wrote it, numbers as numbers. Never read are texts
that people wrote or that name a place, and pictures. Network names are kept as hashes.

Without a person and a time there is no record, and FieldError is raised. Any other field that cannot
be read is left out and told as odd.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zaigang_collector.attendance.model import Direction, Point
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors import fields, networks, placing, written
from zaigang_collector.connectors.contract import Log, Person, Place, Punch, Standing
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.rows import Row, canonical, made_id
from zaigang_collector.directory import datum
from zaigang_collector.directory.datum import Datum
from zaigang_collector.matching.earth import is_position

SOURCE: Final = "wecom"

_KEPT_INTEGERS: Final = (
    "checkin_time", "sch_checkin_time", "groupid", "schedule_id", "timeline_id", "lat", "lng",
)  # fmt: skip
_KEPT_IDS: Final = ("userid", "deviceid")

_OUTSIDE_DUTY: Final = "外出打卡"
_DIRECTIONS: Final = {
    "上班打卡": Direction.IN,
    "下班打卡": Direction.OUT,
    # Arriving somewhere. Where nobody checks out, moving on or the end of the shift ends it.
    _OUTSIDE_DUTY: Direction.IN,
}
_NOBODY_PUNCHED: Final = "未打卡"
_ELSEWHERE: Final = frozenset({"地点异常", "wifi异常"})
_EXCEPTIONS: Final = frozenset({"时间异常", _NOBODY_PUNCHED, "非常用设备"}) | _ELSEWHERE
_MICRODEGREES: Final = 1_000_000
_LATEST_S: Final = 4_102_444_800  # 2100-01-01


@dataclass(frozen=True, slots=True)
class Swipe:
    """Somebody at an attendance machine; it does not say whether in or out."""

    person: str
    at_s: int
    serial: str

    @property
    def key(self) -> tuple[str, int]:
        """By which the check-in that WeCom made of it is found."""
        return self.person, self.at_s


def check_in(given: object, net_key: bytes, swipes: Mapping[tuple[str, int], Swipe]) -> Punch:
    """A row of getcheckindata. It has no id: what tells two apart makes one. `swipes`: what machines
    recorded; the same person in the same second is the same punch. Raises FieldError."""
    row = Row(fields.mapping(given, "record"))
    who = fields.needed_identifier(row.fields, "userid")
    at_s = moment(row.fields, "checkin_time")
    kept = _kept(row)
    type_ = _type(row)
    exceptions = _exceptions(row)
    kept |= {"checkin_type": type_} if type_ else {}
    kept |= {"exception_type": ";".join(exceptions)} if exceptions else {}
    network = _network(row, kept, net_key)
    swipe = swipes.get((who, at_s))
    if swipe is not None:
        kept["device_sn"] = swipe.serial
    return Punch(
        vendor_id=_vendor_id(who, at_s, type_, kept),
        person=who,
        direction=_DIRECTIONS.get(type_),
        punched_ms=at_s * 1000,
        word=Word.OWN if swipe is None else Word.TERMINAL,
        # The time of such a row is the one that was planned.
        standing=Standing.NO_PUNCH if _NOBODY_PUNCHED in exceptions else Standing.COUNTS,
        place=Place(_point(row), network, _names(kept, type_, exceptions, swipe)),
        device=kept.get("deviceid") or (None if swipe is None else swipe.serial),
        record=canonical(kept),
        odd=tuple(row.odd),
    )


def swipe(given: object) -> Swipe:
    """A row of get_hardware_checkin_data. Raises FieldError."""
    row = fields.mapping(given, "record")
    return Swipe(
        fields.needed_identifier(row, "userid"),
        moment(row, "checkin_time"),
        fields.needed_identifier(row, "device_sn"),
    )


def at_terminal(one: Swipe) -> Punch:
    """A swipe of which WeCom made no check-in, such as the second one of a morning."""
    return Punch(
        vendor_id=f"terminal-{made_id(SOURCE, one.person, one.at_s, one.serial)}",
        person=one.person,
        direction=None,
        punched_ms=one.at_s * 1000,
        word=Word.TERMINAL,
        place=Place(names=((placing.TERMINAL, one.serial),)),
        device=one.serial,
        record=canonical({"userid": one.person, "checkin_time": one.at_s, "device_sn": one.serial}),
    )


def person(given: object) -> tuple[Person, int]:
    """A row of list_id: somebody, and one of their departments. Raises FieldError."""
    row = fields.mapping(given, "user")
    return (
        Person(fields.needed_identifier(row, "userid")),
        fields.needed_integer(row, "department"),
    )


def moment(row: Mapping[str, Any], name: str) -> int:
    """A time (seconds since 1970). Raises FieldError, also for milliseconds."""
    found = fields.needed_integer(row, name)
    if not 0 <= found < _LATEST_S:
        raise FieldError(name, "seconds since 1970")
    return found


def _kept(row: Row) -> dict[str, Any]:
    kept: dict[str, Any] = {name: row.get(fields.integer, name) for name in _KEPT_INTEGERS}
    kept |= {name: row.get(fields.identifier, name) for name in _KEPT_IDS}
    return {name: value for name, value in kept.items() if value is not None}


def _vendor_id(who: str, at_s: int, type_: str, kept: Mapping[str, Any]) -> str:
    return made_id(SOURCE, who, at_s, type_, kept.get("groupid", 0), kept.get("timeline_id", 0))


def _type(row: Row) -> str:
    """A word that we know, or ""; another one may be anything, and is not told."""
    given = row.fields.get("checkin_type")
    if isinstance(given, str) and given in _DIRECTIONS:
        return given
    if given not in (None, ""):
        row.tell("checkin_type: a word that is not known")
    return ""


def _exceptions(row: Row) -> tuple[str, ...]:
    """What WeCom itself finds unusual, as far as we know the words."""
    given = row.fields.get("exception_type")
    told = given.split(";") if isinstance(given, str) else [] if given is None else [given]
    told = [one for one in told if one != ""]
    known = [one for one in told if isinstance(one, str) and one in _EXCEPTIONS]
    if len(known) < len(told):
        row.tell("exception_type: a word that is not known")
    return tuple(sorted(set(known)))


def _names(
    kept: Mapping[str, Any], type_: str, exceptions: tuple[str, ...], swipe: Swipe | None
) -> tuple[tuple[str, str], ...]:
    """By which the site may be known. The rule's own place is not where somebody was outside."""
    found = [] if swipe is None else [(placing.TERMINAL, swipe.serial)]
    if kept.get("groupid") and type_ != _OUTSIDE_DUTY and not _ELSEWHERE & set(exceptions):
        found.append((placing.GROUP, str(kept["groupid"])))
    return tuple(found)


def _network(row: Row, kept: dict[str, Any], net_key: bytes) -> bytes | None:
    """The access point's hash; it and the name's are noted in what is kept."""
    bssid, ssid = row.fields.get("wifimac"), row.fields.get("wifiname")
    found = networks.access_point(net_key, bssid) if isinstance(bssid, str) else None
    if found is None:
        return None  # without one the name is a remark: "not on the company's Wi-Fi"
    kept["wifimacHash"] = found.hex()
    if isinstance(ssid, str) and ssid:
        kept["wifinameHash"] = networks.name(net_key, ssid).hex()
    return found


def _point(row: Row) -> Point | None:
    """Degrees times 1,000,000, in GCJ-02; both 0 or absent where none was taken."""
    north, east = row.get(fields.integer, "lat"), row.get(fields.integer, "lng")
    if not north or not east:
        return None
    latitude, longitude = north / _MICRODEGREES, east / _MICRODEGREES
    if not is_position(latitude, longitude):
        row.tell("lat, lng: expected degrees times 1,000,000")
        return None
    try:
        wgs84 = datum.to_wgs84(latitude, longitude, Datum.GCJ02)
    except ValueError:
        return None
    return Point(*wgs84, Datum.GCJ02.value, None)


def work_log(given: object) -> Log:
    """A work log (汇报): who handed it in and when. Its text is searched in memory. Raises FieldError."""
    info = fields.mapping(given, "info")
    submitter = fields.mapping(info.get("submitter"), "submitter")
    kept: dict[str, Any] = {
        "journal_uuid": fields.needed_identifier(info, "journal_uuid"),
        "userid": fields.needed_identifier(submitter, "userid"),
        "report_time": fields.needed_integer(info, "report_time"),
    }
    form = fields.mapping(info.get("apply_data") or {}, "apply_data")
    return Log(
        vendor_id=kept["journal_uuid"],
        person=kept["userid"],
        handed_in_ms=kept["report_time"] * 1000,
        text=written.joined(_texts(fields.sequence(form.get("contents"), "contents"))),
        record=canonical(kept),
    )


def _texts(contents: Iterable[object]) -> Iterator[object]:
    """What stands in the fields for text (Text, Textarea)."""
    for one in contents:
        value = one.get("value") if isinstance(one, dict) else one
        yield value.get("text") if isinstance(value, dict) else value
