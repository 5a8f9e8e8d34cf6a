"""`zaigang-collector demo`: the whole chain, end to end, with a simulated staff and this machine."""

from __future__ import annotations

from zaigang_collector.demo.run import run

__all__ = ["run"]
