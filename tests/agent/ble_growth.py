"""A process that listens. On each line of its input it is told how much was sent so far, and says how
much it has heard, and its size in KiB. For `test_ble_radio`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from zaigang_agent.ble.bleak_radio import BleakRadio
from zaigang_agent.ble.bluez_radio import BluezRadio
from zaigang_agent.ble.ear import Ear
from zaigang_shared.clock import SystemClock
from zaigang_shared.device_config import DeviceConfig

clock = SystemClock()
radio = {"bleak": BleakRadio, "bluez": BluezRadio}[sys.argv[1]](clock)
radio.start(Ear(DeviceConfig(hours=None, net_key=bytes(32)), clock.utc_ms))
heard, pause = 0, threading.Event()
for line in sys.stdin:
    quiet, sent = 0, int(line)
    # It reads once a second, on a loaded machine less often: what was sent is waited for, and a while
    # longer where some of it never comes.
    while heard < sent and quiet < 40:
        adverts = radio.heard().adverts
        heard += adverts
        quiet = 0 if adverts else quiet + 1
        pause.wait(0.5)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    sys.stdout.write(f"{heard} {pages * 4}\n")
    sys.stdout.flush()
radio.close()
