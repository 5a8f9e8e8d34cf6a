"""What a thermometer says of the air around it.

A sensor's error is an offset that stays, and noise. The offset is drawn as a normal variable whose
standard deviation is half of the datasheet's typical accuracy for a healthy part, and for one part in
ten twice the datasheet (aged, dirty, soldered badly): Sensirion's "typical" holds for most, its
"maximum" curves are about twice as wide. Datasheets: SHT40 0.2 °C, 1.8 %; SHT31 0.2 °C, 2 %; SHTC3
(Ruuvi, many Xiaomi thermometers) 0.2 °C, 2 %; AHT20 0.3 °C, 2 %; BME280 1.0 °C, 3 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from zaigang_collector.simulation.moist import rh_of
from zaigang_collector.simulation.streams import Stream, chance

# Model, temperature accuracy (°C), humidity accuracy (%).
NODE_MODELS: Final = (("sht4x", 0.2, 1.8), ("sht3x", 0.2, 2.0), ("aht20", 0.3, 2.0))
CARRIED_MODELS: Final = (("ruuvi", 0.2, 2.0), ("bthome", 0.3, 3.0), ("atc", 0.3, 3.0))

Carrying = Literal["desk", "beside", "bag", "warmed", "absent"]
"""desk: in free air; beside: next to the laptop's outlet; bag: in a bag or pocket; warmed: on
purpose; absent: not with the person."""
_MINUTES: Final = {"desk": 8.0, "beside": 10.0, "bag": 40.0, "warmed": 12.0}
"""Time constant of the case around the sensor: the SHT4x itself takes seconds, a closed case with a
coin cell minutes, a bag most of an hour."""


@dataclass(frozen=True, slots=True)
class CarriedSpec:
    """A person's own BLE thermometer."""

    sensor: str
    model: str
    temp_acc_c: float
    rh_acc_pct: float
    temp_off_c: float
    rh_off_pct: float
    beside_laptop_k: float
    """How much a laptop's outlet warms it when it lies beside."""
    bag_k: float
    """How much a body or a warm laptop in the same bag warms it."""


def draw_offsets(draw: Stream, temp_acc_c: float, rh_acc_pct: float) -> tuple[float, float]:
    """The error that stays with one part: °C and % of relative humidity."""
    scale = 2.0 if chance(draw, 0.1) else 0.5
    return draw.gauss(0, scale * temp_acc_c), draw.gauss(0, scale * rh_acc_pct)


def draw_carried(draw: Stream, name: str) -> CarriedSpec:
    model, temp_acc_c, rh_acc_pct = draw.choice(CARRIED_MODELS)
    temp_off_c, rh_off_pct = draw_offsets(draw, temp_acc_c, rh_acc_pct)
    return CarriedSpec(
        name,
        model,
        temp_acc_c,
        rh_acc_pct,
        temp_off_c,
        rh_off_pct,
        beside_laptop_k=draw.uniform(0.5, 5.0),
        bag_k=draw.uniform(0.5, 4.0),
    )


class Probe:
    """One carried thermometer over a day: it follows the air around it with a delay."""

    def __init__(self, spec: CarriedSpec, draw: Stream) -> None:
        self.spec = spec
        self._draw = draw
        self._temp_c: float | None = None
        self._ratio = 0.0

    def look(
        self,
        air: tuple[float, float],
        carrying: Carrying,
        step_min: float,
        goal_c: float | None = None,
    ) -> tuple[float, float]:
        """After `step_min` more minutes in this air: °C and %. `goal_c`: what a cheat warms it to."""
        temp, ratio = air
        if carrying == "beside":
            temp += self.spec.beside_laptop_k
        elif carrying == "bag":
            temp += self.spec.bag_k
        elif carrying == "warmed" and goal_c is not None:
            temp = goal_c + 0.4 * math.sin(step_min + self._draw.random())
        if self._temp_c is None:
            self._temp_c, self._ratio = temp, ratio
        share = 1 - math.exp(-step_min / _MINUTES.get(carrying, 8.0))
        self._temp_c += (temp - self._temp_c) * share
        # Vapour moves as warmth does; cloth and skin in a bag add a little of their own.
        wetter = 1.03 if carrying == "bag" else 1.0
        self._ratio += (ratio * wetter - self._ratio) * share
        return measure(
            self._temp_c,
            self._ratio,
            self.spec.temp_off_c,
            self.spec.rh_off_pct,
            self._draw,
        )


def measure(
    temp_c: float, ratio: float, temp_off_c: float, rh_off_pct: float, draw: Stream
) -> tuple[float, float]:
    """What a sensor with these offsets says of air at its own place: °C and %, two decimals."""
    said_c = temp_c + temp_off_c + draw.gauss(0, 0.03)
    said_pct = rh_of(temp_c, ratio) + rh_off_pct + draw.gauss(0, 0.15)
    return round(min(125.0, max(-40.0, said_c)), 2), round(min(100.0, max(0.0, said_pct)), 2)
