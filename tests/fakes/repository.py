"""A Git repository, made by the real program; every text in it is one that nobody may keep."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.fakes.vendor import SENTINEL

GIT = "/usr/bin/git"


class Repository:
    """A bare one, and commits in it that are made as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run("init", "--bare", "--quiet", "--initial-branch=main", str(folder))

    def commit(self, mail: str, authored_s: int, committed_s: int | None = None) -> str:
        """Another commit on main; returns its hash."""
        blob = self._git("hash-object", "-w", "--stdin", given=SENTINEL)
        tree = self._git("mktree", given=f"100644 blob {blob}\t{SENTINEL}.txt\n")
        committed_s = authored_s if committed_s is None else committed_s
        who = {
            "GIT_AUTHOR_NAME": SENTINEL,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_AUTHOR_DATE": f"@{authored_s} +0800",
            "GIT_COMMITTER_NAME": SENTINEL,
            "GIT_COMMITTER_EMAIL": "committer@example.com",
            "GIT_COMMITTER_DATE": f"@{committed_s} +0800",
        }
        parents = ["-p", "main"] if (self.folder / "refs/heads/main").exists() else []
        made = self._git("commit-tree", tree, *parents, "-m", SENTINEL, env=who)
        self._git("update-ref", "refs/heads/main", made)
        return made

    def configure(self, name: str, value: str) -> None:
        """A setting of the repository's own."""
        self._git("config", name, value)

    def _git(self, *arguments: str, given: str = "", env: dict[str, str] | None = None) -> str:
        return self._run(f"--git-dir={self.folder}", *arguments, given=given, env=env)

    @staticmethod
    def _run(*arguments: str, given: str = "", env: dict[str, str] | None = None) -> str:
        alone = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": "/nonexistent"}
        done = subprocess.run(
            [GIT, *arguments],
            input=given.encode(),
            env=alone | (env or {}),
            capture_output=True,
            check=True,
            timeout=20,
        )
        return done.stdout.decode().strip()
