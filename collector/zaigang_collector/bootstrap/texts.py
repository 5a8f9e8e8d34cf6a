"""Which names of clients texts are searched for, and whether the text of work logs is kept."""

from __future__ import annotations

import dataclasses

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces import clients
from zaigang_collector.worktraces.clients import Texts


def texts_of(collector: Opened) -> Texts:
    """By `clients.toml` in the data directory, if there is one, and by the settings. Raises
    ConfigError."""
    path = collector.directory.clients
    try:
        found = clients.parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        found = Texts()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return dataclasses.replace(found, keep=collector.settings.work_log_text == "keep")
