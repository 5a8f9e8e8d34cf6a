"""The air inside a room: two heat stores, the water in the air, people, and a machine that cools.

A light store (air and furniture) and a heavy one (walls, floors), as in the simple hourly method of
ISO 13790 (two of its nodes), by steps of one minute. Numbers per square metre of floor:

- heavy store 110 to 165 kJ/(K m²): ISO 13790 table 12, classes "light" and "medium";
- light store: air of 2.8 m height is 3.4 kJ/(K m²), with furniture about five times that
  (Johra and Heiselberg 2017, "Influence of internal thermal mass", Renew. Sustain. Energy Rev. 69);
- a person gives 75 W of warmth and 55 W as vapour, 80 g/h (ASHRAE Fundamentals 2013, ch. 18,
  table 1, "moderately active office work");
- fresh air 8.5 l/s a person (ASHRAE 62.1 office, combined) and infiltration of 0.1 to 0.5 per hour;
- room thermostats switch with a band of 0.5 to 1.5 K; the coil's surface is at 8 to 14 °C and takes
  water out of what passes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from zaigang_collector.simulation.moist import ratio_of
from zaigang_collector.simulation.streams import Stream, chance
from zaigang_collector.simulation.weather import Weather

Cooling = Literal["cycling", "steady", "none"]
_HEIGHT_M: Final = 2.8
_AIR_KG_M3: Final = 1.2
_PERSON_W: Final = 75.0
_PERSON_KG_S: Final = 0.080 / 3600
_FRESH_KG_S: Final = 0.0085 * _AIR_KG_M3
_CP_J_KGK: Final = 1005.0
_STEP_S: Final = 60.0
_FLOW_KG_M2: Final = _HEIGHT_M * _AIR_KG_M3
_LEAD_MIN: Final = 240


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """How one room's air behaves."""

    area_m2: float
    light_j_k_m2: float
    heavy_j_k_m2: float
    coupling_w_k_m2: float
    """Between the two stores; ISO 13790: 3.45 W/(K m²) of surface, times two to three of floor."""
    envelope_w_k_m2: float
    """To the outside."""
    leak_per_h: float
    equipment_w_m2: float
    cooling: Cooling
    set_c: float
    band_k: float
    power_w_m2: float
    coil_c: float
    coil_flow_per_h: float
    """Changes of the room's air through the coil while it runs."""
    from_min: int
    to_min: int
    """When the machine is on, in minutes of the local day; to_min beyond 1440: over midnight."""
    humidified: float
    """Mixing ratio added per hour by plants, kitchens, humidifiers."""


@dataclass(frozen=True, slots=True)
class RoomAir:
    """Minute by minute: temperature (°C) and mixing ratio in the middle of the room."""

    temps: Sequence[float]
    ratios: Sequence[float]
    first_min: int = 0
    """The minute that they begin with."""

    def at(self, minute: float) -> tuple[float, float]:
        index = min(len(self.temps) - 1, max(0, int(minute) - self.first_min))
        return self.temps[index], self.ratios[index]


def draw_room(draw: Stream, kind: str, cooling: Cooling, set_c: float) -> RoomSpec:
    """A room of this kind: office, meeting, canteen, server, home, cafe."""
    server = kind == "server"
    return RoomSpec(
        area_m2=draw.uniform(40, 160) if kind in ("office", "canteen") else draw.uniform(12, 40),
        light_j_k_m2=draw.uniform(12e3, 22e3),
        heavy_j_k_m2=draw.uniform(110e3, 165e3),
        coupling_w_k_m2=draw.uniform(7, 11),
        envelope_w_k_m2=draw.uniform(0.4, 1.6),
        leak_per_h=draw.uniform(0.1, 0.5) if kind != "cafe" else draw.uniform(1, 4),
        equipment_w_m2=draw.uniform(60, 120) if server else draw.uniform(5, 15),
        cooling="cycling" if server else cooling,
        set_c=draw.uniform(18, 22) if server else set_c + draw.gauss(0, 0.7),
        band_k=draw.uniform(0.5, 1.5),
        power_w_m2=draw.uniform(150, 250) if server else draw.uniform(80, 160),
        coil_c=draw.uniform(8, 14),
        coil_flow_per_h=draw.uniform(4, 10),
        from_min=0 if server or kind == "home" else draw.choice((390, 420, 450)),
        to_min=1440 if server or kind == "home" else draw.choice((1080, 1200, 1320)),
        humidified=draw.uniform(1e-4, 6e-4)
        if kind in ("home", "cafe")
        else (draw.uniform(0, 2e-4) if chance(draw, 0.3) else 0.0),
    )


def run_room(
    spec: RoomSpec,
    weather: Weather,
    from_min: int,
    people: Sequence[float],
    draw: Stream,
    first_min: int = 0,
) -> RoomAir:
    """The room's air while `people` are in it, minute by minute, from `first_min` of a day that
    begins (local midnight) with minute `from_min` of the weather. Four hours before are run first,
    so that the start is forgotten."""
    store = _Store(
        temp=spec.set_c + draw.gauss(0, 1.2),
        heavy=spec.set_c + draw.gauss(0, 1.2),
        ratio=0.5 * (weather.at(from_min + first_min - _LEAD_MIN)[1] + ratio_of(spec.set_c, 50)),
    )
    temps: list[float] = []
    ratios: list[float] = []
    for index in range(-_LEAD_MIN, len(people)):
        minute = first_min + index
        crowd = people[index] / spec.area_m2 if index >= 0 else 0.0
        store.step(spec, crowd, weather.at(from_min + minute), _machine_on(spec, minute))
        if index >= 0:
            temps.append(store.temp)
            ratios.append(store.ratio)
    return RoomAir(temps, ratios, first_min)


@dataclass(slots=True)
class _Store:
    """The room at one minute."""

    temp: float
    heavy: float
    ratio: float
    running: bool = False

    def step(self, spec: RoomSpec, crowd: float, outside: tuple[float, float], on: bool) -> None:
        """One minute further. `crowd`: people to the square metre; `on`: the machine may run."""
        temp, ratio = self.temp, self.ratio
        fresh = spec.leak_per_h / 3600 * _FLOW_KG_M2 + (_FRESH_KG_S * crowd if on else 0.0)
        self.running = _switched(spec, temp, self.running, on)
        push = _push(spec, temp, self.running, on)
        in_use = crowd > 0 or spec.equipment_w_m2 > 50  # servers never sleep
        heat = (
            crowd * _PERSON_W
            + spec.equipment_w_m2 * (1.0 if in_use else 0.3)
            + (outside[0] - temp) * (spec.envelope_w_k_m2 + fresh * _CP_J_KGK)
            + (self.heavy - temp) * spec.coupling_w_k_m2
            + push * spec.power_w_m2
        )
        water = crowd * _PERSON_KG_S + fresh * (outside[1] - ratio)
        water += spec.humidified / 3600 * _FLOW_KG_M2
        if push < 0:
            too_wet = max(0.0, ratio - ratio_of(spec.coil_c, 100))
            water += too_wet * spec.coil_flow_per_h / 3600 * _FLOW_KG_M2 * push
        self.heavy += (temp - self.heavy) * spec.coupling_w_k_m2 * _STEP_S / spec.heavy_j_k_m2
        self.temp = temp + heat * _STEP_S / spec.light_j_k_m2
        # The water's store: the air itself, and about as much again in paper, cloth and plaster.
        moister = max(5e-4, ratio + water * _STEP_S / (2 * _FLOW_KG_M2))
        self.ratio = min(moister, ratio_of(self.temp, 100))


def _machine_on(spec: RoomSpec, minute: int) -> bool:
    local = minute % 1440
    return spec.from_min <= local < spec.to_min or local < spec.to_min - 1440


def _switched(spec: RoomSpec, temp: float, running: bool, on: bool) -> bool:
    """A thermostat with a band: on above, off below, else as before."""
    if not on or spec.cooling == "none":
        return False
    off_set = temp - spec.set_c
    if abs(off_set) > spec.band_k / 2:
        return off_set > 0
    return running


def _push(spec: RoomSpec, temp: float, running: bool, on: bool) -> float:
    """What the machine does: -1 cools with all its power, +1 heats."""
    off_set = temp - spec.set_c
    if spec.cooling == "none":  # radiators, as everywhere; nobody cools
        return min(0.6, max(0.0, (spec.set_c - 2 - temp) / 2))
    if not on:
        return min(0.5, max(0.0, (spec.set_c - 5 - temp) / 2))
    if off_set < -spec.band_k:
        return min(0.6, -off_set / 4)
    if spec.cooling == "steady":
        return -min(1.0, max(0.0, off_set / 1.5))
    return -1.0 if running else 0.0
