"""The only place that constructs: files, keys, database, broker, servers, threads.

`bootstrap.run` (serving) is imported by whoever serves, and not from here: it brings the web
framework and the broker, and a command like `sites list` shall answer without waiting for them.
"""

from __future__ import annotations

from zaigang_collector.bootstrap.data import Opened, init, opened, upgrade
from zaigang_collector.bootstrap.worker import judge

__all__ = ["Opened", "init", "judge", "opened", "upgrade"]
