"""A simulated I2C bus under smbus2's own code: only its `ioctl` and `open` are answered here.

What a driver does, retries, packs and checks is therefore the real path, down to the kernel's
structures. Sensors are modelled by their registers, commands and timing: reading too early, a
combined transfer without a pause, or another address is not acknowledged, as on the wire. The format
of a bus's description (`Spec`) is in docs/sensors.md.
"""

from zaigang_agent.drivers.simulated.bus import SimulatedBus
from zaigang_agent.drivers.simulated.spec import (
    Curve,
    Fault,
    SelfHeating,
    SensorSpec,
    Spec,
    load_spec,
)

__all__ = ["Curve", "Fault", "SelfHeating", "SensorSpec", "SimulatedBus", "Spec", "load_spec"]
