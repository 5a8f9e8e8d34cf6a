"""Adding to config.txt and cmdline.txt of a boot partition. What is there stays; ours comes once."""

from __future__ import annotations

import re
from typing import Final

from zaigang_collector.errors import NodeImageError

BEGIN: Final = "# zaigang begin"
END: Final = "# zaigang end"
# Settings of the first boot: of an earlier card's making they would contradict ours.
_OURS: Final = re.compile(
    r"ds=nocloud|cfg80211\.ieee80211_regdom=|systemd\.run"
    r"|systemd\.unit=kernel-command-line\.target"
)


def config(before: str, block: str) -> str:
    """config.txt with our block at its end, where `[all]` in it ends any condition above."""
    kept, ours = [], False
    for line in before.splitlines():
        ours = ours or line == BEGIN
        if not ours:
            kept.append(line)
        ours = ours and line != END
    return "".join(f"{line}\n" for line in kept) + block


def cmdline(before: str, add: str) -> str:
    """The one line of cmdline.txt with ours behind it. Raises NodeImageError."""
    lines = before.splitlines()
    if not lines or "root=" not in lines[0]:
        raise NodeImageError(
            "cmdline.txt names no root=: is this the boot partition of Raspberry Pi OS?"
        )
    words = [word for word in lines[0].split() if _OURS.match(word) is None]
    return " ".join([*words, add]) + "\n"
