"""The only place that constructs: files, keys, database, broker, servers, threads."""

from __future__ import annotations

from zaigang_collector.bootstrap.data import Opened, init, opened, upgrade
from zaigang_collector.bootstrap.run import Background, Ports, serve
from zaigang_collector.bootstrap.worker import judge

__all__ = ["Background", "Opened", "Ports", "init", "judge", "opened", "serve", "upgrade"]
