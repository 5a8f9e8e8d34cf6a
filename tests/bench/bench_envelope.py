"""How long an envelope of ten readings takes, as a share of one bare Ed25519 verification.

`python -m tests.bench.bench_envelope` from the repository's root. Ratios travel from machine to
machine, times do not: every round measures all of them one after the other, and the best of the
rounds counts, since a busy machine only ever adds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from time import perf_counter
from typing import Final

import cbor2
import msgspec

from tests.vectors import keys
from zaigang_shared import cbor, cose, envelope, readings

ROUNDS: Final = 60
CALLS: Final = 50
_UP_MS: Final = 700_000


def ten_readings() -> list[readings.Reading]:
    """Half of them use, half of them network: what a laptop sends."""
    usage = readings.Usage(
        t_ms=60_000,
        span_ms=60_000,
        active=2,
        regular=False,
        session="local",
        locked=False,
        apps={"browser": 1, "editor": 2},
    )
    network = readings.Network(
        t_ms=60_000, span_ms=0, link="wifi", vpn=False, net=bytes(8), vantage=None
    )
    return [
        msgspec.structs.replace(reading, t_ms=60_000 * number)
        for number in range(1, 6)
        for reading in (usage, network)
    ]


def jobs() -> dict[str, Callable[[], object]]:
    """What is measured; the first is the measure."""
    raws = [readings.encode(reading) for reading in ten_readings()]
    prev, boot = hashlib.sha256(b"prev").digest(), bytes(range(16))
    seal = envelope.Seal(keys.DEVICE_ID, 2, prev, boot, _UP_MS, 1_790_000_000_000, True, prev)
    data = envelope.seal(keys.DEVICE, seal, raws)
    public_key, signed = keys.DEVICE.public_key(), cose.decode(data)
    structure = cbor2.dumps(["Signature1", signed.protected, b"", signed.payload])

    def whole() -> object:
        opened = envelope.open_sealed(data, public_key)
        return readings.decode_all(opened.readings, opened.seal.up_ms)

    return {
        "Ed25519 verify": lambda: public_key.verify(signed.signature, structure),
        "open and read, 10 readings": whole,
        "  outside (cose.decode)": lambda: cose.decode(data),
        "  payload (cbor.loads)": lambda: cbor.loads(signed.payload, "it"),
        "  readings (decode_all)": lambda: readings.decode_all(raws, _UP_MS),
        "seal": lambda: envelope.seal(keys.DEVICE, seal, raws),
    }


def measure() -> dict[str, float]:
    """Microseconds of one call, by job."""
    best = dict.fromkeys(jobs(), float("inf"))
    for _ in range(ROUNDS):
        for name, job in jobs().items():
            began = perf_counter()
            for _ in range(CALLS):
                job()
            best[name] = min(best[name], (perf_counter() - began) / CALLS * 1e6)
    return best


def report(best: dict[str, float]) -> str:
    """A table: time, and speed as a share of the bare verification's."""
    bare = next(iter(best.values()))
    lines = [f"{name:30} {us:8.1f} us  {bare / us:6.2f}" for name, us in best.items()]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    print(report(measure()))


if __name__ == "__main__":
    main()
