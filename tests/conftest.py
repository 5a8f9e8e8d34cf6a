"""What every test runs under."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A loaded machine is slow, not wrong: no deadline. In CI the same examples each time, so that a
# red run is the change's fault and not the dice's.
settings.register_profile("zaigang", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("zaigang"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "zaigang")
