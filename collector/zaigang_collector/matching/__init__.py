"""From signed readings to an assessment: pure functions over plain values (matching.md).

No database, no clock, no network. The same code runs live, in a re-assessment of last month, in
the simulator and in the benchmark.
"""
