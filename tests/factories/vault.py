"""A vault under a master key that every test shares."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.randomness import Repeatable
from zaigang_collector.vault.master import FileMaster
from zaigang_collector.vault.service import Vault

MASTER_BYTES = bytes(range(32))
MASTER = FileMaster(MASTER_BYTES)
# One sequence for all: key ids of two vaults over one database never meet.
_RANDOM = Repeatable("vault")


def a_vault(master: FileMaster = MASTER) -> Vault:
    """A vault that remembers no key yet."""
    return Vault([master], _RANDOM)


VAULT = a_vault()


def shares_the_master(data: Path) -> None:
    """A data directory that was just made opens what `VAULT` seals."""
    (data / "master.key").write_bytes(MASTER_BYTES)
