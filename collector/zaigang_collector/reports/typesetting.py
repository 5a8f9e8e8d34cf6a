"""Letter and report as PDF/A-2a (ISO 19005-2): fonts embedded, text that can be read out, and the same
bytes for the same paper.

Set by Typst in a process of its own. Templates come with the program; a file of the same name in the
data directory's `templates` takes the place of one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zaigang_collector.errors import CollectorError
from zaigang_collector.reports.data import letter_data, report_data
from zaigang_collector.reports.model import Letter, Report

SHIPPED: Final = Path(__file__).parent / "templates"
TEMPLATE_FOLDER: Final = "templates"
"""In the data directory."""
TEMPLATES: Final = ("common.typ", "letter.typ", "report.typ")
FONT_FOLDERS: Final = (Path("/usr/share/fonts/opentype/noto"), Path("/usr/share/fonts"))
_FONT_FILES: Final = ("NotoSansCJK*", "NotoSansSC*", "SourceHanSans*")
# A paper of 40 pages takes 1 s of processor time. Larger lets a template that never ends keep a core
# for longer; smaller fails long reports on slow machines.
CPU_S: Final = 30
# Wall clock; the process has a limit of its own on processor time. Larger keeps somebody waiting for a
# template that waits; smaller fails on a machine that is busy.
_WAIT_S: Final = 120
# A package would be fetched from another host while a paper about somebody is made.
_PACKAGE: Final = re.compile(r'"\s*@')
_NOWHERE: Final = "http://127.0.0.1:9"


class TypesettingError(CollectorError):
    """A paper could not be set: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Press:
    """Where templates and fonts are."""

    own_templates: Path | None
    """Of the company; need not exist. None: it has none."""
    font_folders: Sequence[Path] = FONT_FOLDERS
    cpu_s: int = CPU_S

    def letter(self, letter: Letter) -> bytes:
        """PDF. Raises TypesettingError."""
        return self._set("letter.typ", letter_data(letter), letter.made_ms)

    def report(self, report: Report) -> bytes:
        """PDF. Raises TypesettingError."""
        return self._set("report.typ", report_data(report), report.made_ms)

    def replaced(self) -> tuple[str, ...]:
        """Which templates are the company's own."""
        own = self.own_templates
        return tuple(name for name in TEMPLATES if own is not None and (own / name).is_file())

    def _set(self, template: str, data: Mapping[str, Any], made_ms: int) -> bytes:
        fonts = self._fonts()
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            self._lay_out(root)
            job = {
                "root": str(root),
                "template": str(root / template),
                "fonts": [str(fonts)],
                "data": json.dumps(data, ensure_ascii=False),
                "made_s": made_ms // 1000,
                "cpu_s": self.cpu_s,
            }
            return _run(job, template, own=bool(self.replaced()))

    def _lay_out(self, root: Path) -> None:
        """Shipped templates, and the company's folder over them: logos and the like come along."""
        for name in TEMPLATES:
            shutil.copyfile(SHIPPED / name, root / name)
        if self.own_templates is None or not self.own_templates.is_dir():
            return
        for path in sorted(self.own_templates.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            if path.suffix == ".typ" and _PACKAGE.search(path.read_text(encoding="utf-8")):
                raise TypesettingError(
                    f"the template {path} uses a package of Typst's (@…): nothing is fetched while "
                    "papers are made; copy what you need of it into the folder"
                )
            target = root / path.relative_to(self.own_templates)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def _fonts(self) -> Path:
        for folder in self.font_folders:
            for pattern in _FONT_FILES:
                for path in folder.rglob(pattern):
                    return path.parent
        places = ", ".join(map(str, self.font_folders))
        raise TypesettingError(
            "no font with Chinese signs was found, and a PDF/A holds its fonts: looked for Noto Sans "
            f"CJK or Source Han Sans in {places}; on Debian or Ubuntu: apt install fonts-noto-cjk"
        )


def _run(job: Mapping[str, Any], template: str, *, own: bool) -> bytes:
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(sys.path)}
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        environment[name] = _NOWHERE
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zaigang_collector.reports.press"],
            input=json.dumps(job).encode("utf-8"),
            capture_output=True,
            timeout=_WAIT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TypesettingError(f"{template} was not set within {_WAIT_S} s{_whose(own)}") from None
    if done.returncode == 0 and done.stdout.startswith(b"%PDF-"):
        return done.stdout
    if done.returncode < 0:
        raise TypesettingError(
            f"setting {template} took too much time or memory and was ended{_whose(own)}"
        )
    said = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"
    raise TypesettingError(f"{template} could not be set{_whose(own)}: {said[-2000:]}")


def _whose(own: bool) -> str:
    return " (with the company's own templates: try without them)" if own else ""
