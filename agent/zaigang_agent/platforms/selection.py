"""Which platform a device has."""

from __future__ import annotations

import sys
from pathlib import Path

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import Platform
from zaigang_shared.clock import Clock


def open_platform(clock: Clock, script: Path | None = None) -> Platform:
    """The machine that this process runs on, or a scripted one.

    Raises AgentError for a script with a mistake, and on a system that is not supported yet.
    """
    if script is not None:
        from zaigang_agent.platforms.scripted import ScriptedPlatform, load_script

        return ScriptedPlatform(load_script(script), clock)
    if sys.platform.startswith("linux"):
        from zaigang_agent.platforms.linux import this_machine

        return this_machine(clock)
    raise AgentError(f"this version runs on Linux only, not on {sys.platform}")
