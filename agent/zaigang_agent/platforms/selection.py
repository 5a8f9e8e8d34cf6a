"""Which platform a device has, and how a session helper gets at its session and at the service.

Only the modules of the system that this runs on are loaded.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import Inside, Platform, Wire
from zaigang_shared.clock import Clock

# Linux: RuntimeDirectory=zaigang of the unit. macOS: a folder that the installer makes for the
# daemon's user, and that a restart leaves alone. Windows: a pipe; its name space has no folders.
HELPER_SOCKET: Final = {
    "linux": "/run/zaigang/session.sock",
    "darwin": "/Library/Application Support/zaigang/run/session.sock",
    "win32": r"\\.\pipe\zaigang-session",
}


def open_platform(
    clock: Clock, script: Path | None = None, helper_socket: str | None = None
) -> Platform:
    """The machine that this process runs on, or a scripted one.

    `helper_socket`: serve session helpers there; only the running agent does. Raises AgentError for
    a script with a mistake, for a socket that cannot be, and on a system that is not supported.
    """
    if script is not None:
        from zaigang_agent.platforms.scripted import ScriptedPlatform, load_script

        return ScriptedPlatform(load_script(script), clock)
    system = _system()
    if system == "linux":
        from zaigang_agent.platforms import linux

        return linux.this_machine(clock, Path(helper_socket) if helper_socket else None)
    if system == "win32":
        from zaigang_agent.platforms import windows

        return windows.this_machine(clock, helper_socket)
    from zaigang_agent.platforms import macos

    return macos.this_machine(clock, Path(helper_socket) if helper_socket else None)


def open_inside(clock: Clock) -> Inside:
    """The session that this process runs in. Raises AgentError."""
    system = _system()
    if system == "linux":
        from zaigang_agent.platforms import linux_desktop

        return linux_desktop.this_session(os.environ, clock)
    if system == "win32":
        from zaigang_agent.platforms import windows

        return windows.this_session()
    from zaigang_agent.platforms import macos

    return macos.this_session()


def open_wire(place: str | None) -> Wire:
    """A helper's connection to the service. Raises OSError while there is none."""
    system = _system()
    where = place or HELPER_SOCKET[system]
    if system == "win32":
        from zaigang_agent.platforms.helper_pipe import PipeClient

        return PipeClient(where)
    from zaigang_agent.platforms import local_socket

    return local_socket.connect(where, None)


def usual_helper_socket(setting: str) -> str | None:
    """Where the running agent serves session helpers: the setting, else the usual place where the
    system's service manager made it for us, else nowhere."""
    if setting:
        return setting
    system = _system()
    if system == "linux":
        folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
        return f"{folder}/session.sock" if folder else None
    usual = HELPER_SOCKET[system]
    ours = system == "win32" or os.access(Path(usual).parent, os.W_OK)
    return usual if ours else None


def _system() -> str:
    system = "linux" if sys.platform.startswith("linux") else sys.platform
    if system not in HELPER_SOCKET:
        raise AgentError(f"this version runs on Linux, Windows and macOS, not on {sys.platform}")
    return system
