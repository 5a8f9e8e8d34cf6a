"""The other side of the wire: `zaigang-agent` as processes of their own.

The collector never imports the agent; what is known of it here is its command line.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zaigang_collector.errors import CollectorError

_STOP_S: Final = 10.0
_ENROL_S: Final = 20.0


class AgentFailedError(CollectorError):
    """An agent process ended otherwise than expected; the message has its last words."""


def check_installed() -> None:
    """Raises AgentFailedError where only the collector is installed."""
    if importlib.util.find_spec("zaigang_agent") is None:
        raise AgentFailedError(
            "the demo runs agents too, and they are not installed here: install zaigang with both "
            "extras, agent and collector"
        )


def command(*arguments: str) -> list[str]:
    """The agent in this same environment."""
    return [sys.executable, "-m", "zaigang_agent", *arguments]


class Simulation:
    """`zaigang-agent simulate FILE`, and what it says of its progress."""

    def __init__(self, file: Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            # Its own session: Ctrl-C in the terminal is the demo's to handle.
            self._process = subprocess.Popen(  # noqa: S603  # our own program, no shell
                command("simulate", str(file)),
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.newest: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def running(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> None:
        """Raises AgentFailedError unless it ended well."""
        code = self._process.wait()
        self._reader.join()
        if code != 0:
            why = self.newest.get("problem") or _tail(self._log)
            raise AgentFailedError(f"the simulated staff ended with {code}: {why}")

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self.running():
            self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # PIPE above
        for line in self._lines(self._process.stdout):
            self.newest = line

    @staticmethod
    def _lines(stream: Any) -> Iterator[dict[str, Any]]:
        for raw in stream:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def enrol(state_dir: Path, url: str, token: str, log: Path) -> None:
    """Enrol this machine. Raises AgentFailedError."""
    with log.open("ab") as output:
        done = subprocess.run(  # noqa: S603  # our own program, no shell
            command("enrol", url, "--state-dir", str(state_dir)),
            stdout=output,
            stderr=subprocess.STDOUT,
            # Not as an argument: other users of this machine can list those.
            env={**os.environ, "ZAIGANG_TOKEN": token},
            timeout=_ENROL_S,
            check=False,
        )
    if done.returncode != 0:
        raise AgentFailedError(f"this machine could not be enrolled: {_tail(log)}")


class RunningAgent:
    """`zaigang-agent run` of this machine."""

    def __init__(self, state_dir: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own program, no shell
                command("run", "--state-dir", str(state_dir)),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """An orderly stop: it seals what it has. Raises AgentFailedError when it had failed."""
        code = self._process.poll()
        if code is not None:
            raise AgentFailedError(f"this machine's agent ended with {code}: {_tail(self._log)}")
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _tail(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    return text[-600:] or f"it said nothing ({log})"
