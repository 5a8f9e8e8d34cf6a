"""What an agent does without: modules that libraries import and it never uses, and memory that only
its start has needed.

An agent runs all day on somebody else's machine, so each MiB counts. What this is worth is measured
by tests/bench/bench_agent.py and written in docs/operations.md.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

UNUSED: Final = (
    "inspect",  # dataclasses want it to describe a class that has no docstring; ours have one
    "urllib.request",  # paho asks it for proxies when PySocks is installed; it brings http and email
)


def defer(*names: str) -> None:
    """Make `import NAME` cost nothing; the first use of anything in NAME loads it.

    Only for the process of an agent, before anything else is imported. Names that are loaded
    already stay as they are.
    """
    for name in names:
        if name in sys.modules:
            continue
        sys.modules[name] = _stand_in(name)
        package, _, last = name.rpartition(".")
        if package:
            setattr(importlib.import_module(package), last, sys.modules[name])


def _stand_in(name: str) -> ModuleType:
    # Not importlib.util.LazyLoader: under that, until Python 3.12, a second `import` already loads.
    module = ModuleType(name)

    def load(attribute: str) -> object:
        if attribute.startswith("__"):  # the import system and debuggers look, they do not use
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    module.__dict__["__getattr__"] = load  # PEP 562
    return module


# So long after its start an agent has connected, sealed and had a receipt: what was only needed for
# that is not needed again. Sooner lets go of what is used a moment later, later keeps it for longer.
_SETTLED_S: Final = 90.0
# Renewals and the like bring some of it back. More often would be for nothing.
_AGAIN_S: Final = 3600.0
# A library is loaded in milliseconds. Smaller may see the same half of it twice; larger is for nothing.
_LOOK_AGAIN_S: Final = 1.0
_MADV_DONTNEED: Final = 4  # madvise(2)


def stay_small(stop: threading.Event) -> None:
    """Let go of what a start has needed and the work does not, in a thread, until `stop`."""
    if sys.platform != "linux":
        return

    def work() -> None:
        pause_s = _SETTLED_S
        while not stop.wait(pause_s):
            let_go()
            pause_s = _AGAIN_S

    threading.Thread(target=work, name="lean", daemon=True).start()


def let_go() -> None:
    """Give freed memory back to the system, and the pages of libraries that only starting has used.

    Pages of a file that nobody may write to through this mapping, and of which no copy was changed,
    come back from the file when they are touched again: MADV_DONTNEED loses nothing there
    (madvise(2)). Pages that the linker has changed are left alone, in memory or swapped out. Does
    nothing where it is refused.
    """
    # A MiB, where the clock is not asked through it already; what it gives back is several.
    import ctypes

    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc
        libc.malloc_trim(0)
    for begin, end in settled():
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def settled() -> set[tuple[int, int]]:
    """`untouched` mappings of this process that are the same at two looks. Another thread may be
    loading a library: until its data are laid over, all of it looks like an untouched file."""
    try:
        before = set(untouched(_smaps()))
        time.sleep(_LOOK_AGAIN_S)
        return before.intersection(untouched(_smaps()))
    except OSError:
        return set()


def _smaps() -> list[str]:
    return Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace").splitlines()


def untouched(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of mappings that are private, not writable, of a file, and as the file is
    (proc_pid_smaps(5)). A changed page is "Anonymous" in memory and "Swap" when it was swapped out."""
    where: tuple[int, int] | None = None
    for line in smaps:
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            if where is not None:
                yield where
            permissions, _offset, _device, inode, *_path = rest.split()
            begin, _, end = name.partition("-")
            ours = permissions in ("r--p", "r-xp") and inode != "0"
            where = (int(begin, 16), int(end, 16)) if ours else None
        elif name in ("Anonymous:", "Swap:") and rest.split()[0] != "0":
            where = None
    if where is not None:
        yield where
