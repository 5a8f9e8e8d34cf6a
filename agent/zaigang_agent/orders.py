"""What this device was told to do: the newest configuration on trial, in force, or refused (`trial`).

On the disk (`keys`): the newest configuration, the last good one, and a mark that counts. Whether there is
a trial follows from the two versions alone, so that no crash between two writes can skip it.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Final, TypeVar

from msgspec.structs import replace

from zaigang_agent import keys, trial
from zaigang_agent.errors import AgentError, ConfigError
from zaigang_agent.keys import Identity
from zaigang_agent.trial import Exam, Mark
from zaigang_shared import __version__
from zaigang_shared.device_config import SignedConfig

_log = logging.getLogger(__name__)

_PROBLEM: Final = "trial"
_ROLLED_BACK: Final = "config_rolled_back"
_T = TypeVar("_T")


class Orders:
    """One device's configuration. Reads the disk when made; writes from `start` on."""

    def __init__(
        self, identity: Identity, problems: MutableMapping[str, str], errors: Counter[str]
    ) -> None:
        self._state_dir = identity.state_dir
        self._problems = problems
        self._errors = errors
        self.newest = identity.config
        """Verified, obeyed or not."""
        self._good = keys.load_good(identity) or identity.config
        self._mark = self._known(keys.load_mark(identity.state_dir))
        self._exam: Exam | None = None
        self._awake_ms: int | None = None
        self._uncounted = False
        self._bare = False

    @property
    def on_trial(self) -> bool:
        """Whether the newest is neither passed nor refused yet."""
        return self.newest.version > self._good.version and not self._mark.refused

    @property
    def refused(self) -> str | None:
        """Why the newest is not in force; None: it is."""
        if self.newest.version <= self._good.version:
            return None
        return self._mark.refused or None

    @property
    def config(self) -> SignedConfig:
        """What is in force, with the version that it is of."""
        goes_back = self.refused is not None or self._uncounted
        told = self._mixed() if goes_back else self.newest
        return _barest(told) if self._bare else told

    def start(self, last_seq: int) -> None:
        """The program starts; `last_seq`: the newest envelope of the starts before."""
        if self.refused is not None:
            self._tell()
        if not self.on_trial:
            if self._good is self.newest:  # enrolled a moment ago, or the file was lost
                self._keep_good()
            return
        mark = replace(trial.started(self._mark), agent=__version__)
        try:
            keys.save_mark(self._state_dir, mark)
        except AgentError as error:
            # A crash could not be counted: the trial waits for the next start.
            self._uncounted = True
            self._problems[_PROBLEM] = f"configuration {self.newest.version} waits: {error}"
            return
        self._mark = mark
        if mark.refused:
            self._tell()
        else:
            self._exam = Exam(last_seq + 1)

    def take(self, signed: SignedConfig, last_seq: int) -> None:
        """A newer one has come: it is on trial from now on, whatever became of the one before."""
        self.newest = signed
        self._mark = Mark(signed.version)
        self._exam, self._awake_ms = Exam(last_seq + 1), None
        self._uncounted = self._bare = False
        self._problems.pop(_PROBLEM, None)

    def build(self, make: Callable[[SignedConfig], _T]) -> _T:
        """What `make` makes of the configuration in force. One that it cannot be made of is given up.

        Raises ConfigError for what the person at this device has to put right: a mistake that is no
        configuration's, and is held against none.
        """
        try:
            return make(self.config)
        except ConfigError as error:
            problem = error
        tried = self.on_trial and not self._uncounted
        if tried:
            with contextlib.suppress(ConfigError):
                made = make(self._mixed())
                self._refuse(str(problem))
                return made
        try:
            made = make(_barest(self._mixed() if tried else self.config))
        except ConfigError:
            self.stopped()
            raise problem from None
        if tried:
            self._refuse(str(problem))
        self._bare = True
        self._errors["config_unusable"] = 1
        self._problems[_PROBLEM] = (
            f"configuration {self.config.version} cannot be carried out ({problem}): no sensor is "
            "read until a newer one comes"
        )
        return made

    def judge(
        self, awake_ms: int, *, looking: bool, connected: bool, last_seq: int, through: int
    ) -> bool:
        """Note what the trial sees; `awake_ms`: since boot, sleep not counted. Returns whether
        something else is in force now."""
        before_ms, self._awake_ms = self._awake_ms, awake_ms
        if self._exam is None or before_ms is None:
            return False
        verdict = self._exam.note(
            awake_ms - before_ms,
            looking=looking,
            connected=connected,
            last_seq=last_seq,
            through=through,
        )
        if verdict == "passed":
            if self._keep_good():  # else once more at the next step
                self._exam = None
            return False
        if verdict is None:
            return False
        hours = trial.UNANSWERED_MS // 3_600_000
        self._refuse(
            f"in {hours} h with a connection nothing that was sealed under it got a receipt"
        )
        return True

    def stopped(self) -> None:
        """An orderly end of the program."""
        if self.on_trial and self._exam is not None:
            with contextlib.suppress(AgentError):  # then this start counts, as a crash does
                keys.save_mark(self._state_dir, trial.stopped(self._mark))

    def _mixed(self) -> SignedConfig:
        """What is in force in the place of a newest one that is not."""
        mixed = trial.mixture(self.newest.config, self._good.config)
        return SignedConfig(self.newest.device_id, self._good.version, self._good.at_ms, mixed)

    def _known(self, mark: Mark | None) -> Mark:
        if mark is None or mark.version != self.newest.version:
            return Mark(self.newest.version)
        if (
            mark.refused and mark.agent != __version__
        ):  # what it could not do, it may be able to now
            return Mark(self.newest.version)
        return mark

    def _keep_good(self) -> bool:
        try:
            kept = keys.keep_good(self._state_dir, self.newest)
        except AgentError:
            return False
        if kept:
            self._good = self.newest
        return kept

    def _refuse(self, why: str) -> None:
        self._mark = Mark(self.newest.version, self._mark.starts, why, __version__)
        self._exam = None
        try:
            keys.save_mark(self._state_dir, self._mark)
        except AgentError as error:  # refused here and now; the next start finds out again
            _log.warning("that it was refused could not be kept: %s", error)
        self._tell()

    def _tell(self) -> None:
        self._errors[_ROLLED_BACK] = 1
        version = self.newest.version
        self._problems[_PROBLEM] = (
            f"configuration {version} was refused: {self._mark.refused}. Sampling is as in "
            f"{self._good.version}, within what {version} allows; it is for IT to send a better one"
        )
        _log.warning("%s", self._problems[_PROBLEM])


def _barest(told: SignedConfig) -> SignedConfig:
    return SignedConfig(told.device_id, told.version, told.at_ms, trial.barest(told.config))


def look(identity: Identity) -> Orders:
    """What is in force, for looking only, beside a running agent."""
    return Orders(identity, {}, Counter())
