"""Every number that a verdict depends on (matching.md, Verdict).

The numbers stand in `policy.toml`, each with its unit, its reason and what breaks when it is larger
or smaller. An assessment carries the hash of the numbers it was made with.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from zaigang_collector.matching.errors import PolicyError

_WORDS: Final = ("unit", "reason", "larger", "smaller")
# What the suffix of a name promises; a name without one is a plain number.
_SUFFIXES: Final[Mapping[str, str]] = {
    "_s": "s",
    "_min": "min",
    "_kmh": "km/h",
    "_h": "h",
    "_m": "m",
    "_llr": "nat",
    "_share": "1",
    "_posterior": "1",
    "_k": "K",
    "_c": "°C",
    "_pct": "%",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers. What each is for, and why it is what it is: `policy.toml`."""

    version: int
    slot_s: int
    longest_interval_h: float
    longest_span_s: int
    time_error_full_s: float
    time_error_witness_s: float
    time_error_worst_s: float
    beacon_llr: float
    beacon_tolerance_s: float
    silence_most_llr: float
    coverage_least_share: float
    node_advert_share: float
    scan_healthy_share: float
    network_llr: float
    network_hold_s: int
    network_travels_min: float
    scan_least_adverts: float
    heard_least_min: float
    network_hop_s: int
    unknown_network_llr: float
    egress_llr: float
    vantage_age_s: int
    hands_llr: float
    hands_light_share: float
    hands_place_llr: float
    hands_tireless_h: float
    badge_missing_min: float
    attention_half_min: float
    attention_floor_share: float
    geofence_inside_llr: float
    geofence_outside_llr: float
    geofence_unknown_accuracy_m: float
    geofence_accuracy_factor: float
    geofence_worst_accuracy_m: float
    geofence_margin_s: int
    travel_slack_s: float
    travel_near_m: float
    travel_near_kmh: float
    travel_far_kmh: float
    travel_llr: float
    air_unknown_c: float
    air_unknown_pct: float
    air_spread_k: float
    air_rooms_k: float
    air_away_k: float
    air_broken_share: float
    air_broken_k: float
    air_warm_c: float
    air_learn_min: float
    air_offset_factor: float
    air_move_least_c: float
    air_move_llr: float
    air_move_against_llr: float
    temper_radio_share: float
    temper_hands_share: float
    temper_air_share: float
    temper_movement_share: float
    family_slot_llr: float
    prior_at_site_posterior: float
    dwell_at_site_h: float
    dwell_away_h: float
    pause_min: float
    confirm_posterior: float
    confirm_share: float
    confirm_coverage_share: float
    confirm_person_share: float
    confirm_gap_min: float
    contradict_posterior: float
    contradict_stretch_min: float
    contradict_silence_min: float
    contradict_family_llr: float
    contradict_family_share: float
    two_places_min: float
    together_people: int
    together_share: float
    waiting_h: float
    work_active_share: float
    work_coverage_share: float

    @property
    def slot_ms(self) -> int:
        return self.slot_s * 1000

    def hash(self) -> str:
        """SHA-256 (hex) of the names and numbers; a reworded reason does not change it."""
        return _hash(self)


@functools.lru_cache(maxsize=64)
def _hash(policy: Policy) -> str:
    numbers = {field.name: getattr(policy, field.name) for field in fields(policy)}
    text = json.dumps(numbers, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(b"zaigang/policy/1\0" + text.encode()).hexdigest()


@functools.cache
def default_policy() -> Policy:
    """The policy that comes with the program."""
    return load_policy(document())


def document() -> str:
    """The same as it is written, with reasons (TOML)."""
    file = importlib.resources.files(__package__).joinpath("policy.toml")
    return file.read_text(encoding="utf-8")


def load_policy(text: str) -> Policy:
    """Read a policy document (TOML). Raises PolicyError with the number that is wrong."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"the policy is not TOML: {error}") from error
    names = {field.name: field for field in fields(Policy)}
    unknown = sorted(raw.keys() - names.keys())
    missing = sorted(names.keys() - raw.keys())
    if unknown or missing:
        raise PolicyError(
            f"a policy names every number once; missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}"
        )
    numbers: dict[str, Any] = {"version": raw["version"]}
    if type(raw["version"]) is not int or raw["version"] < 1:
        raise PolicyError("version: expected a whole number from 1")
    for name, field in names.items():
        if name != "version":
            numbers[name] = _number(name, raw[name], whole=field.type == "int")
    policy = Policy(**numbers)
    _check_together(policy)
    return policy


def _number(name: str, entry: object, *, whole: bool) -> int | float:
    if not isinstance(entry, dict) or entry.keys() != {"value", *_WORDS}:
        raise PolicyError(f"{name}: expected a table with value, {', '.join(_WORDS)}")
    for word in _WORDS:
        if not isinstance(entry[word], str) or not entry[word].strip():
            raise PolicyError(f"{name}: {word} is empty; say it in words")
    unit = next((u for s, u in _SUFFIXES.items() if name.endswith(s)), "1")
    if entry["unit"] != unit:
        raise PolicyError(f"{name}: the unit is {unit!r} by its name, not {entry['unit']!r}")
    value = entry["value"]
    if type(value) is int and whole and 0 < value <= 10**9:
        return value
    if type(value) not in (int, float) or whole or not math.isfinite(value) or value < 0:
        raise PolicyError(f"{name}: expected a {'whole ' if whole else ''}number from 0")
    if unit == "1" and name.endswith(("_share", "_posterior")) and value > 1:
        raise PolicyError(f"{name}: expected 0 to 1, not {value}")
    return float(value)


def _check_together(policy: Policy) -> None:
    """What must hold between numbers, whatever they are: fairness does not depend on tuning."""
    rules = (
        (60 <= policy.slot_s <= 3600, "slot_s: expected 60 to 3600"),
        (
            policy.time_error_full_s <= policy.time_error_witness_s <= policy.time_error_worst_s,
            "time_error: expected full <= witness <= worst",
        ),
        (policy.time_error_full_s > 0, "time_error_full_s: expected more than 0"),
        (0.5 < policy.confirm_posterior < 1, "confirm_posterior: expected between 0.5 and 1"),
        (0.5 < policy.contradict_posterior < 1, "contradict_posterior: expected 0.5 to 1"),
        (0 < policy.prior_at_site_posterior < 1, "prior_at_site_posterior: expected 0 to 1"),
        (
            policy.dwell_at_site_h > 0 and policy.dwell_away_h > 0,
            "dwell_at_site_h, dwell_away_h: expected more than 0",
        ),
        (
            _stay(policy.slot_s, policy.dwell_at_site_h) + _stay(policy.slot_s, policy.dwell_away_h)
            > 1,
            "dwell: shorter than a slot; staying must be likelier than moving",
        ),
        (
            policy.contradict_silence_min >= policy.contradict_stretch_min,
            "contradict_silence_min: silence alone must not need less than contradict_stretch_min",
        ),
        (
            min(policy.air_unknown_c, policy.air_unknown_pct, policy.air_spread_k) > 0
            and 0 < policy.air_broken_share < 1,
            "air_unknown_c, air_unknown_pct, air_spread_k, air_broken_share: expected more than 0",
        ),
        (
            policy.air_spread_k <= policy.air_rooms_k <= policy.air_away_k <= policy.air_broken_k,
            "air: expected spread <= rooms <= away <= broken",
        ),
        (policy.travel_slack_s > 0, "travel_slack_s: expected more than 0"),
        (policy.attention_half_min > 0, "attention_half_min: expected more than 0"),
        (policy.longest_interval_h > 0, "longest_interval_h: expected more than 0"),
        (
            policy.unknown_network_llr + policy.egress_llr < policy.contradict_family_llr,
            "unknown_network_llr + egress_llr: context must weigh less than one family",
        ),
        (
            policy.contradict_family_llr > 0 and policy.contradict_stretch_min > 0,
            "contradict_family_llr, contradict_stretch_min: expected more than 0",
        ),
    )
    wrong = [sentence for holds, sentence in rules if not holds]
    if wrong:
        raise PolicyError("; ".join(wrong))


def _stay(slot_s: float, dwell_h: float) -> float:
    return math.exp(-slot_s / (dwell_h * 3600)) if dwell_h > 0 else 0.0
