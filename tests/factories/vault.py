"""A vault under a master key that every test shares."""

from __future__ import annotations

from tests.fakes.randomness import Repeatable
from zaigang_collector.vault.master import FileMaster
from zaigang_collector.vault.service import Vault

MASTER = FileMaster(bytes(range(32)))
# One sequence for all: key ids of two vaults over one database never meet.
_RANDOM = Repeatable("vault")


def a_vault(master: FileMaster = MASTER) -> Vault:
    """A vault that remembers no key yet."""
    return Vault([master], _RANDOM)


VAULT = a_vault()
