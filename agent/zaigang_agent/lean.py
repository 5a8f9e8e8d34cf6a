"""Modules that libraries import and an agent never uses: not loaded until somebody does use them.

An agent runs all day on somebody else's machine, so each MiB counts. What this is worth is measured
by tests/bench/bench_agent.py and written in docs/operations.md.
"""

from __future__ import annotations

import importlib
import sys
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
