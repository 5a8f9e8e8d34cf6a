"""The keys of the golden vectors: published in RFC 8032 section 7.1, so that anybody can sign."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DEVICE_SEED: Final = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # test 1
COLLECTOR_SEED: Final = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"  # test 2
STRANGER_SEED: Final = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"  # test 3

DEVICE: Final = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(DEVICE_SEED))
COLLECTOR: Final = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(COLLECTOR_SEED))
STRANGER: Final = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(STRANGER_SEED))
DEVICE_ID: Final = "lap-0001"
