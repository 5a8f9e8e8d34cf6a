"""One collector at a time over a data directory."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from typing import Final

from zaigang_collector.config import DataDirectory
from zaigang_collector.errors import ConfigError

_LOCK: Final = "serving.lock"


@contextlib.contextmanager
def alone(directory: DataDirectory) -> Iterator[None]:
    """Holds the directory; the system lets go of it whenever the process ends, however it ends.

    Two would take turns in overwriting certificates and ports, and devices would find a broker
    that has half of the fleet. Raises ConfigError.
    """
    directory.run.mkdir(mode=0o700, exist_ok=True)
    with (directory.run / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another collector is serving from {directory.root}; stop it first, or give this "
                "one a directory of its own with --data"
            ) from None
        yield
