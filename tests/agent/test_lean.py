"""What a running agent does not load, and that it can all the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from zaigang_agent import lean


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


# ---- memory that only the start has needed


def test_only_what_is_as_its_file_is_let_go() -> None:
    smaps = """\
7f0000000000-7f0000002000 r-xp 00001000 08:01 77 /usr/lib/a library.so
Rss:                   8 kB
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00003000 08:01 77 /usr/lib/a library.so
Anonymous:             4 kB
7f0000003000-7f0000004000 rw-p 00004000 08:01 77 /usr/lib/a library.so
Anonymous:             0 kB
7f0000004000-7f0000005000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000005000-7f0000006000 r--s 00000000 08:01 78 /var/lib/spool.db-shm
Anonymous:             0 kB
7f0000006000-7f0000007000 r--p 00000000 08:01 79 /usr/lib/locale/LC_CTYPE
Anonymous:             0 kB
VmFlags: rd mr mw me sd
7f0000007000-7f0000009000 r--p 00003000 08:01 80 /usr/lib/of a kernel without swap.so
Anonymous:             0 kB
"""
    assert list(lean.untouched(smaps.splitlines())) == [
        (0x7F0000000000, 0x7F0000002000), (0x7F0000006000, 0x7F0000007000),
        (0x7F0000007000, 0x7F0000009000),
    ]  # fmt: skip


def test_pages_that_the_linker_has_changed_are_not_thrown_away_out_of_swap() -> None:
    # Once such a page is swapped out, it is "Anonymous: 0": only "Swap" knows of the copy.
    smaps = """\
7f0000000000-7f0000002000 r--p 00003000 08:01 77 /usr/lib/a library.so
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  8 kB
SwapPss:               8 kB
7f0000002000-7f0000004000 r-xp 00001000 08:01 77 /usr/lib/a library.so
Anonymous:             0 kB
Swap:                  0 kB
SwapPss:               0 kB
"""
    assert list(lean.untouched(smaps.splitlines())) == [(0x7F0000002000, 0x7F0000004000)]


@pytest.mark.skipif(sys.platform != "linux", reason="madvise(2) as on Linux")
def test_what_another_thread_maps_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # dlopen first maps a library whole, read only, and lays its data over a part of it afterwards.
    half_loaded = [
        "7f0000000000-7f0000009000 r--p 00000000 08:01 77 /usr/lib/new.so",
        "Anonymous: 0 kB",
    ]
    loaded = [
        "7f0000000000-7f0000004000 r--p 00000000 08:01 77 /usr/lib/new.so", "Anonymous: 0 kB",
        "7f0000004000-7f0000009000 rw-p 00004000 08:01 77 /usr/lib/new.so", "Anonymous: 8 kB",
    ]  # fmt: skip
    monkeypatch.setattr(lean, "_smaps", iter([half_loaded, loaded]).__next__)
    monkeypatch.setattr(lean, "_LOOK_AGAIN_S", 0.0)
    assert list(lean.settled()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="madvise(2) as on Linux")
def test_after_letting_go_everything_still_works_and_less_is_resident() -> None:
    resident, after, digest = in_a_new_process(
        "import ctypes, hashlib, sqlite3, ssl\n"
        "from pathlib import Path\n"
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Key\n"
        "from zaigang_agent import lean\n"
        "pages = lambda: int(Path('/proc/self/statm').read_text().split()[1])\n"
        "key = Key.generate(); ssl.create_default_context(); sqlite3.connect(':memory:')\n"
        "before = pages(); lean.let_go(); after = pages()\n"
        "key.public_key().verify(key.sign(b'x'), b'x'); ssl.create_default_context()\n"
        "sqlite3.connect(':memory:').execute('select 1')\n"
        "print(before, after, hashlib.sha256(b'x').hexdigest()[:8])"
    ).split()
    assert int(after) < int(resident) - 256  # a MiB at least
    assert digest == "2d711642"
