"""What a device has to keep up by itself: its configuration on the disk, its certificate, and where
the broker is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Final

from zaigang_agent.errors import AgentError
from zaigang_agent.keys import Card, Identity

# Renewal is due months ahead; a failure is tried again soon enough and without haste.
_RENEW_AGAIN_MS: Final = 3_600_000
# Awake for so long without the broker, a device asks whether it has moved, by renewing. Longer keeps
# a fleet away from a new broker for days; shorter makes certificates for each outage.
_BROKER_LOST_MS: Final = 6 * 3_600_000
# What the disk did not take is tried again: the collector does not say it twice.
_SAVE_AGAIN_MS: Final = 60_000


class Upkeep:
    """Told the time in each step; says in `problems` what does not work."""

    def __init__(
        self,
        card: Card,
        save_config: Callable[[bytes], None],
        renew: Callable[[], Identity] | None,
        problems: MutableMapping[str, str],
        errors: Counter[str],
        awake_ms: int,
    ) -> None:
        """`save_config` and `renew` raise AgentError; `awake_ms`: time since boot without sleep."""
        self._card = card
        self._save = save_config
        self._renew = renew
        self._problems = problems
        self._errors = errors
        self._heard_ms = awake_ms
        self._renew_due_ms = 0
        self._unsaved: bytes | None = None
        self._save_due_ms = 0

    def keep(self, config: bytes, now_ms: int) -> None:
        """Make a configuration durable, now or as soon as the disk takes it."""
        self._unsaved, self._save_due_ms = config, 0
        self.save(now_ms)

    def save(self, now_ms: int) -> None:
        """Try again what the disk did not take, when it is time."""
        if self._unsaved is None or now_ms < self._save_due_ms:
            return
        self._save_due_ms = now_ms + _SAVE_AGAIN_MS
        try:
            self._save(self._unsaved)
        except AgentError as error:
            self._problems["configuration"] = str(error)
            return
        self.forget_unsaved()

    def renewed(
        self, now_ms: int, utc_ms: int, awake_ms: int, *, connected: bool
    ) -> Identity | None:
        """Who this device is from now on, when the certificate was old or the broker lost and the
        collector has answered; None: as before."""
        if connected:
            self._heard_ms = awake_ms
        card = self._card
        is_old = utc_ms >= card.not_before_ms + 2 * (card.not_after_ms - card.not_before_ms) // 3
        is_lost = awake_ms - self._heard_ms >= _BROKER_LOST_MS
        if self._renew is None or now_ms < self._renew_due_ms or not (is_old or is_lost):
            return None
        self._renew_due_ms = now_ms + _RENEW_AGAIN_MS
        try:
            renewed = self._renew()
        except AgentError as error:
            if is_old:  # of a lost broker the uplink tells
                self._problems["certificate"] = f"the certificate could not be renewed: {error}"
                self._errors["renewal"] += 1
            return None
        self._problems.pop("certificate", None)
        self._card, self._heard_ms = renewed.card, awake_ms
        return renewed

    def forget_unsaved(self) -> None:
        """It is durable, or renewal has kept a newer one."""
        self._unsaved = None
        self._problems.pop("configuration", None)
