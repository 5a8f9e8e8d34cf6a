"""`zaigang-agent` and `python -m zaigang_agent`."""

from __future__ import annotations

import sys

from zaigang_agent import lean


def main() -> int:
    """Entry point; returns the exit code."""
    lean.defer(*lean.UNUSED)  # before the command line's own imports
    from zaigang_agent import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
