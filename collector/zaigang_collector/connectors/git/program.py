"""Running `git` upon a repository that we do not trust.

A repository's own configuration can name programs: pagers, signature checkers, helpers that fetch
what is missing. So only `rev-list` is run, which starts none of them; no protocol is allowed, replaced
objects are not looked at, and neither the system's nor a person's configuration is read. Nothing is
written, not even a lock.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from zaigang_collector.connectors.errors import ConnectorError, Reason

# A commit takes 70 bytes and its author's address. Larger takes more memory for one repository;
# smaller refuses a first reading of half a year of a big one.
_BYTES_MOST: Final = 64 * 1024 * 1024
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone fetches what is missing: not for us
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_FORMAT: Final = "%H %at %ct %ae"


def commits(program: str, name: str, folder: Path, from_s: int, timeout_s: int) -> Sequence[bytes]:
    """A line for each commit of every branch and tag whose committer date is not before `from_s`
    (UTC seconds): hash, author's and committer's time, author's address. Raises ConnectorError."""
    arguments = [
        program,
        "--no-pager",
        "--no-optional-locks",
        "--no-replace-objects",
        f"--git-dir={_git_dir(folder, name)}",
        "rev-list",
        "--all",
        "--no-commit-header",
        f"--since-as-filter={from_s}",
        f"--format={_FORMAT}",
    ]
    with tempfile.TemporaryFile() as out:
        _run(arguments, out, name, timeout_s)
        if out.tell() > _BYTES_MOST:
            raise _error(Reason.GARBLED, name, "too_much")
        out.seek(0)
        return out.read().split(b"\n")[:-1]


def _git_dir(folder: Path, name: str) -> Path:
    """Where the repository itself is: a bare one's folder, or .git within a checkout."""
    for one in (folder / ".git", folder):
        try:
            if (one / "HEAD").is_file() and (one / "objects").is_dir():
                return one
        except OSError:
            break
    raise _error(Reason.MISSING, name, "no_repository")


def _run(arguments: Sequence[str], out: IO[bytes], name: str, timeout_s: int) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments, by no shell
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,  # may say what stands in the repository
            env=_ENVIRONMENT,
            cwd="/",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _error(Reason.TIMEOUT, name, "git") from None
    except OSError:
        raise _error(Reason.MISSING, name, "no_git_program") from None
    if done.returncode != 0:
        raise _error(Reason.MISSING, name, f"git_exit_{done.returncode}")
    out.seek(0, 2)


def _error(reason: Reason, name: str, what: str) -> ConnectorError:
    return ConnectorError(reason, f"git {name}", f"{name}:{what}")
