"""The master key, which wraps everybody's keys: in a file, or behind a command (a KMS)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import keywrap

from zaigang_collector.errors import ConfigError, VaultError

MASTER_BYTES: Final = 32
COMMAND_PREFIX: Final = "command/"
# A KMS answers within a second. Larger lets ingest stand still behind one that hangs; smaller fails
# where a connection is made first.
COMMAND_S: Final = 15.0


class Master(Protocol):
    """Wraps and unwraps 32-byte keys."""

    @property
    def id(self) -> str:
        """Written beside what it wrapped."""
        ...

    def wrap(self, key: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Raises VaultError when it is damaged, or wrapped by another."""
        ...


class FileMaster:
    """32 bytes; AES key wrap (RFC 3394)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != MASTER_BYTES:
            raise ValueError(f"a master key has {MASTER_BYTES} bytes, this has {len(secret)}")
        self._secret = secret
        # Of a hash of 256 random bits: tells two keys apart and says nothing of either.
        self._id = "file/" + hashlib.sha256(b"zaigang/master/1" + secret).hexdigest()[:16]

    def __repr__(self) -> str:  # in a traceback it must not be usable
        return f"FileMaster({self._id})"

    @property
    def id(self) -> str:
        return self._id

    def wrap(self, key: bytes) -> bytes:
        return keywrap.aes_key_wrap(self._secret, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return keywrap.aes_key_unwrap(self._secret, wrapped)
        except (keywrap.InvalidUnwrap, ValueError) as error:
            raise VaultError(
                f"a key cannot be unwrapped with the master key {self._id}: it is damaged; "
                "restore the database from a backup"
            ) from error


def read_file(path: Path) -> FileMaster:
    """The master key in a file. Raises ConfigError that names the file and what to do."""
    try:
        secret = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}); restore the master key from a backup: "
            "without it nothing that is held about people can be read"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    if len(secret) != MASTER_BYTES:
        raise ConfigError(
            f"{path} must hold {MASTER_BYTES} bytes, not {len(secret)}; restore the master key "
            "from a backup"
        )
    return FileMaster(secret)


class CommandMaster:
    """A command that wraps and unwraps: `COMMAND... wrap NAME`, `COMMAND... unwrap NAME`.

    The key comes and goes as one line of base64 on standard input and output; nothing secret is on
    the command line, where other users could read it.
    """

    def __init__(self, command: Sequence[str], name: str) -> None:
        self._command = tuple(command)
        self._name = name

    @property
    def id(self) -> str:
        return COMMAND_PREFIX + self._name

    def wrap(self, key: bytes) -> bytes:
        return self._ask("wrap", key)

    def unwrap(self, wrapped: bytes) -> bytes:
        key = self._ask("unwrap", wrapped)
        if len(key) != MASTER_BYTES:
            raise VaultError(
                f"master_key_command unwrapped {len(key)} bytes where a key has {MASTER_BYTES}; "
                "is it the command that wrapped them?"
            )
        return key

    def _ask(self, verb: str, data: bytes) -> bytes:
        told = f"master_key_command ({self._command[0]} {verb} {self._name})"
        try:
            done = subprocess.run(  # noqa: S603  # the administrator's own command, no shell
                [*self._command, verb, self._name],
                input=base64.b64encode(data) + b"\n",
                capture_output=True,
                timeout=COMMAND_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise VaultError(
                f"{told} did not answer within {COMMAND_S:.0f} s; try it by hand"
            ) from None
        except OSError as error:
            raise VaultError(f"{told} cannot be started: {error.strerror}") from error
        if done.returncode:
            # What it says on standard error is not repeated: it may be anything, a key too.
            raise VaultError(f"{told} ended with exit code {done.returncode}; expected 0")
        try:
            answer = base64.b64decode(done.stdout.strip(), validate=True)
        except (binascii.Error, ValueError):
            answer = b""
        if not answer:
            raise VaultError(f"{told} must answer with one line of base64 on standard output")
        return answer
