"""Uuids worked out from what they name, so that the same call gives the same cards again (ruling 52).

RFC 9562, 5.5 (version 5), as ``uuid.uuid5`` has it, without the objects in between: a card and its suggestions have
several.
"""

from __future__ import annotations

from hashlib import sha1
from uuid import NAMESPACE_URL


def named(name: str, namespace: bytes = NAMESPACE_URL.bytes) -> bytes:
    """The 16 bytes of the uuid of ``name``."""
    octets = bytearray(sha1(namespace + name.encode(), usedforsecurity=False).digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50  # version 5
    octets[8] = octets[8] & 0x3F | 0x80  # variant of the RFC
    return bytes(octets)


def written(uuid: bytes) -> str:
    """ "886313e1-3b8a-5372-9b90-0c9aee199e5d"."""
    text = uuid.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
