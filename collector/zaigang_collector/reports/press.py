"""Sets one paper: a job as JSON on standard input, the PDF on standard output.

A process of its own, since a company's template is a program: it may be wrong, endless or greedy, and
then this process ends and nothing else. Started by `typesetting` alone.

What people write may hold signs that no font here has, and a PDF/A must not show what it does not
hold: those are printed as their number, `〔U+1F64F〕`, rather than failing the paper or leaving them out.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import resource
import sys
import tempfile
from typing import Any, Final

# Fonts for Chinese take 80 MiB of it. Larger lets a template take the server's memory; smaller fails
# reports with many drawings.
MEMORY_BYTES: Final = 2 * 1024**3

# So many different signs without a font at most: each costs another setting. Larger lets a reply full of
# emoji take a minute; smaller fails the report about it.
MISSING_MOST: Final = 100
_MISSING: Final = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\u\{([0-9a-f]{1,6})\}")


def main() -> int:
    """Exit status 0 with the PDF, or 1 with the typesetter's message on standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_s"], job["cpu_s"]))
    data, error = str(job["data"]), ""
    for _ in range(MISSING_MOST):
        pdf, error = _set(job, data)
        if pdf is not None:
            sys.stdout.buffer.write(pdf)
            return 0
        shown = numbered(data, error)
        if shown == data:
            break
        data = shown
    sys.stderr.write(error)
    return 1


def numbered(data: str, error: str) -> str:
    """`data` with the signs of which `error` says that no font has them as their numbers; as it is
    when the error is another."""
    found = _MISSING.search(error)
    if found is None:
        return data
    missing = _ESCAPED.sub(lambda one: chr(int(one[1], 16)), found[1])
    for sign in filter(lambda one: not one.isascii(), missing):
        data = data.replace(sign, f"〔U+{ord(sign):04X}〕")
    return data


def _set(job: dict[str, Any], data: str) -> tuple[bytes | None, str]:
    import typst  # after the limits, which it has to live with

    with tempfile.TemporaryDirectory() as empty:
        try:
            pdf = typst.compile(
                job["template"],
                root=job["root"],
                font_paths=job["fonts"],
                ignore_system_fonts=True,
                sys_inputs={"data": data},
                pdf_standards=["a-2a"],
                timestamp=dt.datetime.fromtimestamp(job["made_s"], dt.UTC),
                package_path=empty,
                package_cache_path=empty,
            )
        except RuntimeError as error:  # which TypstError is
            return None, str(error)
    return pdf, ""


if __name__ == "__main__":
    sys.exit(main())
