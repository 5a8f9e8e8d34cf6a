"""What a running agent does not load, and that it can all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def in_a_new_process(code: str) -> str:
    """What `code` prints where nothing was imported before it."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_agent_that_runs_has_loaded_nothing_that_it_does_not_use() -> None:
    # Each name stands for a MiB or half of one. typing_extensions and coverage are in environments
    # of developers only, and are not our doing.
    assert not in_a_new_process(
        "import sys\n"
        "sys.modules['typing_extensions'] = None\n"
        "before = set(sys.modules)\n"
        "from zaigang_agent import lean\n"
        "lean.defer(*lean.UNUSED)\n"
        "import zaigang_agent.bootstrap, zaigang_agent.cli, zaigang_agent.endpoint\n"
        "import zaigang_agent.platforms.linux, zaigang_agent.watchdog\n"
        "zaigang_agent.cli._parser().parse_args(['run'])\n"
        "heavy = {'ast', 'asyncio', 'email', 'http.client', 'json', 'random', 'shutil', 'tempfile',"
        " 'tomllib', 'urllib.response', 'ctypes', 'zaigang_agent.enrolment',"
        " 'zaigang_agent.platforms.helper_server', 'zaigang_agent.platforms.linux_desktop',"
        " 'zaigang_agent.platforms.windows', 'zaigang_agent.platforms.macos'}\n"
        "print(*sorted(heavy & (set(sys.modules) - before)))"
    )


@pytest.mark.parametrize(
    "use",
    [
        "import inspect; print(inspect.signature(len))",
        "from inspect import signature; print(signature(len))",
        "import inspect; inspect.signature; import inspect as again; print(again.signature(len))",
    ],
)
def test_what_was_deferred_is_there_when_it_is_used(use: str) -> None:
    started = "from zaigang_agent import lean; lean.defer('inspect'); "
    assert in_a_new_process(started + use) == "(obj, /)"


def test_a_deferred_part_of_a_package_is_found_through_the_package() -> None:
    assert (
        in_a_new_process(
            "from zaigang_agent import lean; lean.defer('urllib.request')\n"
            "import sys, urllib.request\n"
            "print('urllib.error' in sys.modules, end=' ')\n"
            "print(callable(urllib.request.getproxies), 'urllib.error' in sys.modules)"
        )
        == "False True True"
    )


def test_what_is_loaded_already_stays() -> None:
    assert (
        in_a_new_process(
            "import inspect, sys\n"
            "from zaigang_agent import lean; lean.defer('inspect')\n"
            "print(sys.modules['inspect'] is inspect, inspect.__name__, 'ast' in sys.modules)"
        )
        == "True inspect True"
    )
