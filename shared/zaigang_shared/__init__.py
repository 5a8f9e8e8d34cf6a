"""What crosses the wire, and what an outsider needs to check it. Bytes and values; no I/O."""

__version__ = "0.1.0"
