"""What the sensors of a node share, and what outlives a change of configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zaigang_agent.drivers.shared_bus import SharedBus
from zaigang_agent.samplers.base import Now

if TYPE_CHECKING:  # a laptop has none, and it is not small
    from zaigang_agent.samplers.self_heating import WarmUp


@dataclass(frozen=True, slots=True)
class Bench:
    """The bus, and what is known of the sensors on it."""

    bus: SharedBus
    was_cold: Callable[[Now], bool | None] = lambda _: False
    """Whether the machine had cooled down before this boot; None: cannot be said yet."""
    count: Callable[[str], None] = lambda _: None
    """Told the code of each trouble that was got over without a gap."""
    warm_ups: dict[str, WarmUp] = field(default_factory=dict)
    """By sensor."""
