"""A pretended Raspberry Pi: a root file system in a folder, and programs that only note their names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

CMDLINE: Final = "console=tty1 root=PARTUUID=4d8fd085-02 rootwait quiet systemd.show_status=0\n"
PATH: Final = f"{os.environ['PATH']}:/usr/sbin:/sbin"
# Programs of a Pi that are not to touch this machine; each notes how it was called.
_STUBS: Final = (
    "systemctl", "useradd", "chown", "modprobe", "dpkg", "apt-get", "runuser", "id", "sync",
)  # fmt: skip


class Pi:
    """A root file system with a boot partition as it is after writing the card."""

    def __init__(self, folder: Path, write: Callable[[Path], object]) -> None:
        """`write` puts our files onto the boot partition that it is given."""
        self.root = folder / "root"
        self.boot = self.root / "boot" / "firmware"
        self.state = self.root / "var/lib/zaigang-provision"
        self._stubs = folder / "stubs"
        self._called = folder / "called"
        self._stubs.mkdir(parents=True)
        for part in ("boot/firmware", "etc", "home/zaigang-admin", "var/lib/systemd/rfkill"):
            (self.root / part).mkdir(parents=True)
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 raspberrypi\n")
        (self.root / "var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan").write_text("1\n")
        (self.boot / "cmdline.txt").write_text(CMDLINE)
        (self.boot / "config.txt").write_text("dtparam=audio=on\n")
        for name in _STUBS:
            self.stub(name)
        # `install -o zaigang` needs the user: here, its folder is enough.
        self.stub("install", 'for last; do :; done; mkdir -p "$last"')
        write(self.boot)

    def stub(self, name: str, body: str = "exit 0") -> None:
        path = self._stubs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self._called}"\n{body}\n')
        path.chmod(0o755)

    def run(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", script, *arguments],
            env={"PATH": f"{self._stubs}:{PATH}", "ZAIGANG_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        return self._called.read_text().splitlines() if self._called.exists() else []

    def provision(self) -> subprocess.CompletedProcess[str]:
        return self.run(self.root / "usr/local/lib/zaigang/provision.sh")

    def status(self) -> str:
        return (self.boot / "zaigang/status.txt").read_text()

    def enrolls(self) -> None:
        """From now on the collector takes it."""
        identity = self.root / "var/lib/zaigang/identity.json"
        self.stub("runuser", f'echo "$ZAIGANG_TOKEN" >>"{self._called}"; : >"{identity}"')

    def installed(self) -> dict[str, bytes]:
        """What is on the root file system."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and self.boot not in path.parents and not path.is_symlink()
        }
