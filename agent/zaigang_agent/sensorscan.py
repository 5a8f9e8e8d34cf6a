"""`zaigang-agent sensors scan`: what is on the bus, in words, and as settings in agent.toml."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from zaigang_agent import config
from zaigang_agent.drivers.scan import Found
from zaigang_agent.errors import ConfigError

_TABLE: Final = re.compile(r"\s*\[node\]\s*(#.*)?\Z")
_NEXT_TABLE: Final = re.compile(r"\s*\[\[?[A-Za-z0-9_.\"' -]+\]\]?\s*(#.*)?\Z")


def bus_named(text: str) -> int | str:
    """A bus as on the command line: a number, a device file, or "simulated:FILE"."""
    return int(text) if text.isdecimal() else text


def lines(bus: int | str, found: Sequence[Found], configured: Sequence[str]) -> Iterator[str]:
    """What was found, a line each, and how it differs from what `agent.toml` has."""
    yield f"I2C bus {bus}: {len(_sensors(found))} sensors"
    for each in found:
        what = "?" if each.model is None else f"{each.model} {each.serial}"
        yield f"  0x{each.address:02x}  {what:<24}  {_says(each)}"
    if not found:
        yield "  nobody answers: look at power, ground and the two lines, and whether I2C is enabled"
    there = {each.setting for each in _sensors(found)}
    there |= {each.model for each in _sensors(found) if each.model is not None}
    for text in configured:
        if text not in there:
            yield f"  agent.toml names {text}, which was not found"


def settings(bus: int | str, found: Sequence[Found]) -> str:
    """The table for `agent.toml`."""
    return f"[node]\n{_assignments(bus, found)}"


def write(path: Path, bus: int | str, found: Sequence[Found]) -> None:
    """Put what was found into a settings file; all else in it stays as it is, comments too.

    Raises ConfigError, and then nothing was changed.
    """
    target = path.resolve()
    try:
        before = target.read_bytes().decode() if target.exists() else ""
        after = merged(before, bus, found, str(path))
        new = target.with_name(f"{target.name}.new")
        new.write_bytes(after.encode())
        new.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        os.replace(new, target)  # noqa: PTH105  # the owner of both is whoever runs this
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be changed ({error}); write into it yourself:\n{settings(bus, found)}"
        ) from error


def merged(text: str, bus: int | str, found: Sequence[Found], source: str) -> str:
    """The settings in `text` with the sensors that were found. Raises ConfigError.

    The result is read back: it must say what was said before, and the sensors, and nothing else.
    """
    before = _parsed(text, source, bus, found)
    wanted = before | {"node": {**before.get("node", {}), **_wanted(bus, found)}}
    end = "\r\n" if "\r\n" in text else "\n"
    after = _placed(text, _assignments(bus, found).replace("\n", end), end)
    try:
        same = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise ConfigError(
            f"{source}: the [node] settings are written in a way that this cannot change safely; "
            f"write into it yourself:\n{settings(bus, found)}"
        )
    config.convert(wanted, source)
    return after


def _sensors(found: Sequence[Found]) -> list[Found]:
    return [each for each in found if each.model is not None]


def _says(found: Found) -> str:
    if found.climate is None:
        return found.trouble
    air = found.climate
    said = [f"{air.temp_c:.1f} °C", f"{air.rh_pct:.0f} %"]
    if air.pressure_hpa is not None:
        said.append(f"{air.pressure_hpa:.0f} hPa")
    if air.co2_ppm is not None:
        said.append(f"{air.co2_ppm} ppm CO2")
    return ", ".join(said)


def _wanted(bus: int | str, found: Sequence[Found]) -> dict[str, Any]:
    return {"i2c_bus": bus, "sensors": [each.setting for each in _sensors(found)]}


def _assignments(bus: int | str, found: Sequence[Found]) -> str:
    import json  # a JSON string, number or list of strings is one of TOML as well

    wanted = _wanted(bus, found)
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in wanted.items())


def _parsed(text: str, source: str, bus: int | str, found: Sequence[Found]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{source}: not TOML ({error}): put it right, then write into it:\n"
            f"{settings(bus, found)}"
        ) from error


def _placed(text: str, assignments: str, end: str) -> str:
    """`text` with these assignments in its table [node], in the place of those of the same names."""
    rows = text.splitlines(keepends=True)
    start = next((n for n, row in enumerate(rows) if _TABLE.match(row.rstrip())), None)
    if start is None:
        gap = "" if not text else end if text.endswith("\n") else end * 2
        return f"{text}{gap}[node]{end}{assignments}"
    kept, n = [], start + 1
    while n < len(rows) and not _NEXT_TABLE.match(rows[n].rstrip()):
        if re.match(r"\s*(i2c_bus|sensors)\s*=", rows[n]):
            n = _after_value(rows, n)
        else:
            kept.append(rows[n])
            n += 1
    head = rows[start] if rows[start].endswith("\n") else rows[start] + end
    return "".join([*rows[:start], head, assignments, *kept, *rows[n:]])


def _after_value(rows: Sequence[str], n: int) -> int:
    """The first row behind the assignment in row `n`; a list may go over several."""
    open_brackets = 0
    for row in range(n, len(rows)):
        open_brackets += rows[row].count("[") - rows[row].count("]")
        if open_brackets <= 0:
            return row + 1
    return len(rows)
