"""Steps 4, 5 and 7 of an arrival: a batch of messages becomes durable, in one transaction.

`Intake.take` returns once everything is committed; only then may anything be acknowledged. A crash
before leaves nothing, and the broker or the device sends all of it again. A crash after, but
before the acknowledgement, leaves everything, and what is sent again is met as duplicates.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    NotSupportedError,
    SQLAlchemyError,
    StatementError,
)

from zaigang_collector import db
from zaigang_collector.db import Randomness
from zaigang_collector.devices import service as devices
from zaigang_collector.errors import ConfigError, VaultError
from zaigang_collector.ingest import oddities, storing
from zaigang_collector.ingest.forward import ClockBehindError, ForwardClock
from zaigang_collector.ingest.model import INTERNAL_ERROR, Taken
from zaigang_collector.ingest.storing import Writer
from zaigang_collector.ingest.verify import Arrived, Opened, Refused, address_of, examine
from zaigang_collector.vault.service import Vault
from zaigang_shared.clock import Clock

_LOG: Final = logging.getLogger(__name__)

# cryptography gives up the interpreter's lock while it checks a signature, so two threads check
# nearly twice as fast. More than the cores of a small server only wait for that lock.
_THREADS: Final = 2
# Below this, handing the work over costs more than sharing it saves.
_SHARE_FROM: Final = 16

_Examined: TypeAlias = list[Opened | Refused]


class Intake:
    """Takes batches, from any thread: it checks them side by side, and writes one at a time."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        receipt_key: Ed25519PrivateKey,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._engine = engine
        self._vault = vault
        with db.reading(engine) as conn:
            self._forward = ForwardClock(clock, storing.newest_ms(conn))
        self._writer = Writer(vault, receipt_key, self._forward, randomness)
        self._clock = clock
        self._failure: str | None = None
        # SQLite has one writer anyway, and waiting here is cheaper than asking it again and again.
        self._writing = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="zaigang-verify")

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def take(self, batch: Sequence[Arrived]) -> Taken:
        """Make a batch durable.

        Raises what the database raises when it is the database's fault: nothing of the batch is
        stored then, nothing may be acknowledged, and the same batch is to be tried again. A
        message that itself cannot be processed is kept aside, so that it does not block others.
        """
        try:
            taken = self._take(batch)
        except Exception as error:
            if not _is_the_messages_fault(error):
                self._failure = _told(error)
                raise
            if len(batch) == 1:
                return self._set_aside(batch[0], error)
        else:
            self._failure = None
            return taken
        # One of them spoils all. Each alone is slow, and this is not supposed to happen.
        return storing.combined([self.take([message]) for message in batch])

    def problem(self) -> str | None:
        """Why nothing is being stored, in sentences; None: it is."""
        try:
            with self._writing:
                self._forward.utc_ms()
        except ClockBehindError as error:
            return f"{error}."
        return self._failure

    def _take(self, batch: Sequence[Arrived]) -> Taken:
        with self._writing:
            self._forward.utc_ms()
            floor_ms = self._forward.floor_ms
        states: list[Arrived] = []
        envelopes: list[Arrived] = []
        for given in batch:
            message = given if given.arrived_ms >= floor_ms else replace(given, arrived_ms=floor_ms)
            where = address_of(message.topic)
            (states if where is not None and where[0] == "state" else envelopes).append(message)
        examined = self._examine(envelopes)
        with self._writing:
            with db.writing(self._engine) as conn:
                taken = self._writer.store(conn, examined)
                oddities.keep_states(conn, states)
            # Not before the commit: a receipt of a transaction that failed was never given.
            self._writer.committed()
        return taken

    def _examine(self, messages: Sequence[Arrived]) -> _Examined:
        """Steps 1, 2, 3 and 6, outside of the transaction: the write lock is held briefly."""
        named = {where[1] for message in messages if (where := address_of(message.topic))}
        with db.reading(self._engine) as conn:
            registry = devices.public_keys(conn, named)
        if len(messages) < _SHARE_FROM:
            return [examine(message, registry) for message in messages]
        shares = [messages[start::_THREADS] for start in range(_THREADS)]
        done = list(self._pool.map(lambda share: [examine(one, registry) for one in share], shares))
        return _interleaved(done, len(messages))

    def _set_aside(self, message: Arrived, error: Exception) -> Taken:
        _LOG.error("a message could not be processed and is kept aside: %s", type(error).__name__)
        with db.writing(self._engine) as conn:
            oddities.keep_unprocessable(
                conn, self._vault, message, type(error).__name__, self._clock.utc_ms()
            )
        return Taken(refused={INTERNAL_ERROR: 1})


def _told(error: Exception) -> str | None:
    if isinstance(error, ClockBehindError):
        return None  # `problem` asks the clock itself
    name = type(error).__name__
    return f"What devices send cannot be stored ({name}); they keep it. The log says more."


def _is_the_messages_fault(error: Exception) -> bool:
    """Whether the same batch would fail for ever. When in doubt, no: trying again loses nothing."""
    if type(error) is StatementError:  # a value that no column takes, found before it was sent
        return True
    if isinstance(error, SQLAlchemyError):
        return isinstance(error, DataError | IntegrityError | NotSupportedError)
    return not isinstance(
        error, OSError | MemoryError | ClockBehindError | ConfigError | VaultError
    )


def _interleaved(shares: Iterable[_Examined], count: int) -> _Examined:
    """Back into the order of arrival, of two forks in one batch the first shall stay the first."""
    together: list[Opened | Refused | None] = [None] * count
    for start, share in enumerate(shares):
        together[start::_THREADS] = share
    return [one for one in together if one is not None]
