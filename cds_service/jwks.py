"""The public keys of a client: from a file of ours, or from the one address the settings name for it.

An address is asked rarely: when the keys are old, or when a token names a key that is not among them, which is how a
client goes over to a new one. Whoever waits for an answer waits a fixed time; who has no need to does not wait.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, KeySet, RSAKey

from cds_service.addresses import Refused
from cds_service.fhir_client import Allowance, FhirClient, Unfetched, Wire
from cds_service.settings import Settings

NOT_FETCHED = "the keys could not be fetched"
NO_KEYS = "no public RSA or EC key in it"
PRIVATE = "a private key in it"

_log = logging.getLogger("osteohooks")
_FRESH_S = 600.0  # keys younger than this are not asked for again
_LONGEST_S = (
    3600.0  # older ones are not used: a key that was withdrawn dies, even if its address is kept from answering
)
_PAUSE_S = 10.0  # between two questions, whatever the tokens name
_WAIT_S = 2.0
_MOST_BYTES = 256 * 1024
_SMALLEST_RSA_BITS = 2048
_UNUSABLE = (JoseError, ValueError, KeyError, TypeError)  # what joserfc makes of a key that is none


class KeysError(Exception):
    """There are no keys to check with. The message is fixed words."""


class Keys(Protocol):
    """The keys of one client."""

    def current(self, kid: str) -> KeySet:
        """The keys as they are now, for a token that names ``kid``. Raises KeysError."""


class FileKeys:
    """Keys from a file, read once."""

    def __init__(self, file: Path) -> None:
        """Raises KeysError, OSError."""
        self._keys = read_keys(file.read_bytes())

    def current(self, kid: str) -> KeySet:
        return self._keys


class AddressKeys:
    """Keys from an address, which are asked for at the first token, so after a fork.

    ``ask`` gives what is at the address now, or raises KeysError. ``clock``: seconds, never running back.
    """

    def __init__(self, client: str, ask: Callable[[], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._asked_at = self._came_at = float("-inf")
        self._keys = KeySet([])

    def current(self, kid: str) -> KeySet:
        known = self._has(kid) and self._age() < _LONGEST_S
        with self._lock:
            if (not known or self._age() >= _FRESH_S) and self._clock() - self._asked_at >= _PAUSE_S:
                self._asked_at = self._clock()
                self._asking = threading.Thread(target=self._renew, name="jwks", daemon=True)
                self._asking.start()
            asking = self._asking
        if asking is not None and not known:
            asking.join(_WAIT_S)
        if self._age() >= _LONGEST_S:
            raise KeysError(NOT_FETCHED)
        return self._keys

    def _has(self, kid: str) -> bool:
        return any(key.kid == kid for key in self._keys)

    def _age(self) -> float:
        return self._clock() - self._came_at

    def _renew(self) -> None:
        try:
            keys = read_keys(self._ask())
        except KeysError as error:
            _log.warning("keys not fetched", extra={"client": self._client, "why": str(error)})
            return
        with self._lock:
            self._keys, self._came_at = keys, self._clock()


def asking(settings: Settings) -> Callable[[str], bytes]:
    """How an address is asked: within a time and a size, following nothing, as ``fhir_client`` does it."""
    client = FhirClient(timeout_s=_WAIT_S, ca_file=settings.fhir.ca_file, accept="application/json, */*;q=0.1")

    def ask(address: str) -> bytes:
        until = time.monotonic() + _WAIT_S
        try:
            return client.get(address, None, until=until, wire=Wire(), allowance=Allowance(_MOST_BYTES))
        except (Unfetched, Refused) as error:
            raise KeysError(error.cause) from None

    return ask


class _JwkSet(msgspec.Struct):
    keys: list[dict[str, Any]]


def read_keys(body: bytes) -> KeySet:
    """The keys of a JWK Set (RFC 7517) that a signature can be checked with; others are passed over.

    Raises KeysError when there is none, and when one is private: whoever can read it could sign for the client.
    """
    try:
        listed = msgspec.json.decode(body, type=_JwkSet).keys
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise KeysError('not a JWK Set ({"keys": [...]})') from None
    keys: list[Key] = [key for key in map(_read_key, listed) if key is not None]
    if any(key.is_private for key in keys):
        raise KeysError(PRIVATE)
    if not keys:
        raise KeysError(NO_KEYS)
    return KeySet(keys)


def _read_key(jwk: dict[str, Any]) -> RSAKey | ECKey | None:
    if jwk.get("kty") not in ("RSA", "EC"):
        return None
    try:
        key = JWKRegistry.import_key(jwk)
    except _UNUSABLE:
        return None
    if isinstance(key, RSAKey):
        return key if key.public_key.key_size >= _SMALLEST_RSA_BITS else None
    return key if isinstance(key, ECKey) else None
