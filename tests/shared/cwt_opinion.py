"""Asks the independent library cwt about our golden vectors. Runs apart: it wants an older cbor2.

`python cwt_opinion.py FOLDER`, with cwt on the path. Prints "good N, bad N" and exits with 0 when
cwt accepts every message and rejects each with one bit flipped in any of its bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cbor2
from cwt import COSE, COSEKey  # type: ignore[import-not-found]  # lives apart

# cwt raises many kinds, also bare ones of Python, and every one of them is a no.
_NO = Exception


def _key(public_hex: str, kid: bytes) -> Any:
    """An Ed25519 key for verifying, as a COSE_Key (RFC 9053 section 7.2)."""
    return COSEKey.new({1: 1, 2: kid, 3: -19, -1: 6, -2: bytes.fromhex(public_hex), 4: [2]})


def _accepts(data: bytes, key: Any) -> bytes | None:
    try:
        payload = COSE.new().decode(data, key)
    except _NO:
        return None
    return payload if isinstance(payload, bytes) else cbor2.dumps(payload, canonical=True)


def main(folder: Path) -> int:
    """Judge every message in `folder`; returns the exit code."""
    keys, good, bad = json.loads((folder / "keys.json").read_text("utf-8")), 0, 0
    device = _key(keys["device"]["public"], keys["device"]["id"].encode())
    collector = _key(keys["collector"]["public"], bytes.fromhex(keys["collector"]["kid"]))
    messages = [(v, device) for v in json.loads((folder / "envelopes.json").read_text("utf-8"))]
    by_collector = json.loads((folder / "collector.json").read_text("utf-8"))
    messages += [(vector, collector) for vector in by_collector.values()]
    for vector, key in messages:
        data = bytes.fromhex(vector["hex"])
        payload = _accepts(data, key)
        if payload is None or payload != cbor2.loads(data).value[2]:
            return _say(f"cwt refuses {vector['hex']}", 1)
        good += 1
        for at in range(len(data)):
            flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
            if _accepts(flipped, key) is not None:
                return _say(f"cwt accepts a flipped bit in byte {at} of {vector['hex']}", 1)
            bad += 1
    return _say(f"good {good}, bad {bad}", 0)


def _say(result: str, code: int) -> int:
    sys.stdout.write(result + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
