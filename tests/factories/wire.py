"""Hypothesis strategies for what crosses the wire: every kind of reading, seals, envelopes."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from tests.vectors import keys
from zaigang_shared import envelope, readings

_MAX_MS: Final = 2**53
_UP_MS: Final = 2**40  # most times are of this size; the borders are in the golden vectors

labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=64)
counts = st.integers(0, 2**31)
levels = st.integers(0, 3)
digests = st.binary(min_size=32, max_size=32)
_percent = st.floats(0, 100)


@st.composite
def times(draw: st.DrawFn) -> dict[str, Any]:
    """`t` and `span` as they may be."""
    t_ms = draw(st.integers(0, _UP_MS))
    return {"t_ms": t_ms, "span_ms": draw(st.integers(0, t_ms))}


@st.composite
def _usage(draw: st.DrawFn) -> readings.Usage:
    return readings.Usage(
        **draw(times()),
        active=draw(levels),
        regular=draw(st.booleans()),
        session=draw(st.sampled_from(["local", "remote", "none"])),
        locked=draw(st.booleans()),
        apps=draw(st.dictionaries(labels, levels, max_size=4)),
        touched=draw(st.dictionaries(labels, counts, max_size=4)),
    )


@st.composite
def _environment(draw: st.DrawFn) -> readings.Environment:
    return readings.Environment(
        **draw(times()),
        sensor=draw(labels),
        model=draw(labels),
        temp_c=draw(st.floats(-60, 130) | st.integers(-60, 130)),
        rh_pct=draw(_percent),
        via=draw(st.sampled_from(["i2c", "ble"])),
        pressure_hpa=draw(st.none() | st.floats(200, 1300)),
        co2_ppm=draw(st.none() | st.integers(0, 40_000)),
    )


@st.composite
def _beacon(draw: st.DrawFn) -> readings.Beacon:
    when = draw(times())
    last_t = draw(st.integers(0, when["t_ms"]))
    return readings.Beacon(
        **when,
        scheme=draw(st.sampled_from(["rid", "ibeacon", "altbeacon", "eddystone", "badge"])),
        id=draw(st.binary(min_size=4, max_size=32)),
        n=draw(st.integers(1, 1_000_000)),
        rssi_max=draw(st.integers(-128, 20)),
        rssi_med=draw(st.integers(-128, 20)),
        first_t=draw(st.integers(0, last_t)),
        last_t=last_t,
    )


@st.composite
def _health(draw: st.DrawFn) -> readings.Health:
    return readings.Health(
        **draw(times()),
        agent=draw(labels),
        spooled=draw(counts),
        rss_mb=draw(st.floats(0, 1e6)),
        cpu_pct=draw(st.floats(0, 1e5)),
        disk_free_mb=draw(counts),
        battery_pct=draw(st.none() | _percent),
        errors=draw(st.dictionaries(labels, counts, max_size=3)),
    )


@st.composite
def _others(draw: st.DrawFn) -> readings.Reading:
    when = draw(times())
    slots = sorted([draw(st.integers(0, 2**40)), draw(st.integers(0, 2**40))])
    kinds: list[readings.Reading] = [
        readings.Session(
            **when, event=draw(st.sampled_from(["boot", "login", "lock", "unlock", "suspend"]))
        ),
        readings.Network(
            **when,
            link=draw(st.sampled_from(["ethernet", "wifi", "cellular", "none"])),
            vpn=draw(st.booleans()),
            net=draw(st.none() | st.binary(min_size=8, max_size=8)),
            vantage=draw(st.none() | st.binary(min_size=1, max_size=512)),
        ),
        readings.Scan(
            **when,
            adverts=draw(counts),
            devices=draw(counts),
            healthy=draw(st.booleans()),
            restarts=draw(counts),
        ),
        readings.Advert(**when, slot_first=slots[0], slot_last=slots[1], ok=draw(st.booleans())),
        readings.Gap(**when, reason="crash", from_boot=draw(st.binary(min_size=16, max_size=16))),
        readings.Gap(**when, reason="paused", from_t=draw(st.integers(0, when["t_ms"]))),
    ]
    return draw(st.sampled_from(kinds))


any_reading: Final[st.SearchStrategy[readings.Reading]] = st.one_of(
    _usage(), _environment(), _beacon(), _health(), _others()
)

# What a later version may put into a kind that this one does not know.
plain: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(labels, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def later_kinds(draw: st.DrawFn) -> dict[str, Any]:
    """The map of a kind that this version does not know."""
    when = draw(times())
    extra = draw(st.dictionaries(labels, st.integers() | st.text(max_size=5), max_size=2))
    return {**_bounded(extra), "k": "later-kind", "t": when["t_ms"], "span": when["span_ms"]}


def _bounded(extra: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value % 2**64 if isinstance(value, int) else value
        for name, value in extra.items()
        if not isinstance(value, str) or value.isprintable()
    }


@st.composite
def seals(draw: st.DrawFn) -> envelope.Seal:
    """A seal that holds: sealed after everything in `any_reading`."""
    seq = draw(st.integers(1, 2**63 - 1))
    prev = draw(digests.filter(any)) if seq > 1 else envelope.FIRST_PREV
    return envelope.Seal(
        device_id=draw(st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True)),
        seq=seq,
        prev=prev,
        boot=draw(st.binary(min_size=16, max_size=16)),
        up_ms=draw(st.integers(_UP_MS, _MAX_MS)),
        wall_ms=draw(st.integers(-_MAX_MS, _MAX_MS)),
        sync=draw(st.booleans()),
        rcpt=draw(st.none() | digests),
    )


@st.composite
def sealed(draw: st.DrawFn) -> bytes:
    """A whole envelope, signed by the device of the vectors."""
    known = [readings.encode(one) for one in draw(st.lists(any_reading, min_size=1, max_size=5))]
    raws = [*known, *draw(st.lists(later_kinds(), max_size=1))]
    return envelope.seal(keys.DEVICE, draw(seals()), raws)
