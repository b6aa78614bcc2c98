"""No token twice: what was used is remembered until its age alone refuses it, by all workers and machines together."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

import msgspec

from cds_service.store import Store, StoreError, failed

_MARGIN = timedelta(minutes=5)  # remembered for so much longer: clocks of several machines differ
_TIDYING = timedelta(minutes=1)  # how often a process looks for what may be forgotten


class Replay(Protocol):
    """The memory of token ids."""

    def seen(self, iss: str, jti: str, expires: float) -> bool:
        """Whether the issuer's token was used before; from now on it was. ``expires``: seconds since 1970, the last
        moment it could be accepted. Raises StoreError.
        """


class SpentTokens:
    """The memory in the store, where a token is a hash and nothing of it can be read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tidying = threading.Lock()
        self._tidied = datetime.min.replace(tzinfo=UTC)

    def seen(self, iss: str, jti: str, expires: float) -> bool:
        token = sha256(msgspec.json.encode((iss, jti))).hexdigest()
        first = self._store.spend(token, datetime.fromtimestamp(expires, UTC) + _MARGIN)
        self._tidy(datetime.now(UTC))
        return not first

    def _tidy(self, now: datetime) -> None:
        with self._tidying:
            if now - self._tidied < _TIDYING:
                return
            self._tidied = now
        try:
            self._store.forget_spent(now)
        except StoreError as error:
            failed("forget spent tokens", error)
