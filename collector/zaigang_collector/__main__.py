"""`python -m zaigang_collector`."""

from __future__ import annotations

from zaigang_collector.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
