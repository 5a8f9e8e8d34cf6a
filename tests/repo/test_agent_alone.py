"""The agent runs where nothing of the collector is installed."""

from __future__ import annotations

import subprocess
import sys

from tests.repo.checks import PYTHON_PATH

# Runs in a process of its own: imports cannot be taken back.
_IMPORT_ALL = """
import importlib, importlib.abc, pkgutil, sys

REFUSED = {"zaigang_collector", "fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "amqtt",
           "pydantic", "prometheus_client", "psycopg"}

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"{name} belongs to the collector")
        return None

sys.meta_path.insert(0, Refuse())
for root in sys.argv[1:]:
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), root + "."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    print(root, len([name for name in sys.modules if name.startswith(root)]))
"""


def _import_all(*packages: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *packages],
        env={"PYTHONPATH": PYTHON_PATH},
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_module_of_the_agent_imports_without_the_collectors_packages() -> None:
    run = _import_all("zaigang_shared", "zaigang_agent")
    assert run.returncode == 0, run.stderr
    counts = dict(line.split() for line in run.stdout.splitlines())
    assert int(counts["zaigang_shared"]) > 5
    assert int(counts["zaigang_agent"]) > 5


def test_the_collector_would_be_noticed() -> None:
    run = _import_all("zaigang_collector")
    assert run.returncode != 0
    assert "belongs to the collector" in run.stderr
