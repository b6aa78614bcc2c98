"""Every input that ever broke the service, kept: ``corpus/*.json``, each with what it broke."""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path

import msgspec

from tests.fuzz.mutations import Call

CORPUS = Path(__file__).parent / "corpus"


class Broke(msgspec.Struct):
    """A call that was answered badly once. ``why``: what was wrong with the answer."""

    why: str
    call: Call


class _File(msgspec.Struct, omit_defaults=True):
    why: str
    path: str
    headers: dict[str, str] = {}
    body: str = ""
    base64: str = ""  # a body that is not text


def saved() -> list[Path]:
    return sorted(CORPUS.glob("*.json"))


def read(path: Path) -> Broke:
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    body = base64.b64decode(file.base64) if file.base64 else file.body.encode()
    return Broke(file.why, Call(file.path, body, file.headers))


def save(call: Call, why: str) -> Path:
    """Keeps a call; its file is named by its body, so that the same one is kept once."""
    file = _File(why, call.path, call.headers)
    try:
        file.body = call.body.decode()
    except UnicodeDecodeError:
        file.base64 = base64.b64encode(call.body).decode()
    path = CORPUS / f"{sha256(call.body).hexdigest()[:12]}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(file)) + b"\n")
    return path
