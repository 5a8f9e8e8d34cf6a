"""`zaigang-collector`: the command line. Nothing here decides; it parses, calls and prints."""

from __future__ import annotations

from zaigang_collector.cli.entry import main

__all__ = ["main"]
