"""One GET to a FHIR server: pooled, bounded in time and size, and its token goes nowhere else.

``requests`` carries it, with two things of ours beneath: a connection goes to the address that was checked
(``addresses.connect``), and a request under way can be hung up on from outside, since a timeout only bounds the wait
for each next byte.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from cds_service import addresses
from cds_service.request import Authorization
from fhir_mappings.finding import Why

FETCH_FAILED: Why = "fetch failed"
TIMEOUT = "timeout"

_CONNECTIONS = 64  # kept for each server
_SERVERS = 16
_CHUNK = 65536
_TOKEN = re.compile(r"[\x21-\x7e]+")
_HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "OsteoHooks"}

# What urllib3 would say of a connection names the address called, and that holds the patient's id.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Unfetched(Exception):
    """An answer that did not come or cannot be used. ``cause`` is a fixed word, ``why`` what a card says of it."""

    def __init__(self, cause: str, why: Why = FETCH_FAILED) -> None:
        super().__init__(cause)
        self.cause = cause
        self.why = why


class Wire:
    """What a fetch is connected to at the moment, so that the call it is for can hang up at its deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: _Http | None = None
        self.cut = False

    def hold(self, connection: _Http) -> None:
        with self._lock:
            connection.wire = self
            self._connection = connection
            if self.cut:
                connection.shut()

    def hang_up(self) -> None:
        with self._lock:
            self.cut = True
            if self._connection is not None and self._connection.wire is self:  # not yet in use for another fetch
                self._connection.shut()


class Allowance:
    """How many bytes a call may still fetch; shared by its fetches."""

    def __init__(self, size: int) -> None:
        self._lock = threading.Lock()
        self._left = size

    def take(self, size: int) -> None:
        """Raises Unfetched when there is no more."""
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise Unfetched("too large")


_here = threading.local()  # .wire: that of the fetch this thread is at


class _Http(HTTPConnection):
    """A connection to the address that was checked, which ``Wire.hang_up`` can end at whatever it is waiting for."""

    wire: Wire | None = None
    _handle: socket.socket | None = None

    def shut(self) -> None:
        if self._handle is not None:
            with suppress(OSError):  # the other side was first
                self._handle.shutdown(socket.SHUT_RDWR)

    def _new_conn(self) -> socket.socket:
        try:
            line = addresses.connect(self.host, self.port, float(self.timeout or 0))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, TIMEOUT) from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error
        self._handle = line.dup()  # TLS takes the socket itself away
        _here.wire.hold(self)  # again: the deadline may have passed while there was nothing to hang up on
        return line

    def request(self, *args: Any, **more: Any) -> None:
        _here.wire.hold(self)
        super().request(*args, **more)

    def close(self) -> None:
        super().close()
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


class _Https(_Http, HTTPSConnection):
    """The same, and then TLS with the name that was asked for."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


class FhirClient:
    """The session all calls of a process share. It follows no redirect and heeds no proxy, netrc or cookie."""

    def __init__(self, *, timeout_s: float, ca_file: str = "", accept: str = "application/fhir+json") -> None:
        self._timeout_s = timeout_s
        self._headers = _HEADERS | {"Accept": accept}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file or True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(pool_connections=_SERVERS, pool_maxsize=_CONNECTIONS)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def get(
        self, address: str, authorization: Authorization | None, *, until: float, wire: Wire, allowance: Allowance
    ) -> bytes:
        """The body at ``address``, which ``Base.within`` has checked. Raises Unfetched, Refused.

        ``until``: the monotonic time at which nobody waits any more. A connection that fails before an answer begins is
        tried once more: a GET changes nothing, and a pooled connection may have been closed since.
        """
        until = min(until, time.monotonic() + self._timeout_s)
        headers = self._headers | _bearer(authorization)
        _here.wire = wire
        for again in (True, False):
            try:
                return self._once(address, headers, until, allowance)
            except requests.Timeout:
                raise Unfetched(TIMEOUT) from None
            except requests.exceptions.SSLError:
                raise Unfetched("certificate not trusted") from None
            except requests.ConnectionError:
                if not again:
                    raise Unfetched("no connection") from None
            except (requests.RequestException, HTTPError):
                raise Unfetched("not HTTP") from None
        raise AssertionError("the second try answers or raises")

    def _once(self, address: str, headers: dict[str, str], until: float, allowance: Allowance) -> bytes:
        left = until - time.monotonic()
        if left <= 0 or _here.wire.cut:
            raise Unfetched(TIMEOUT)
        response = self._session.get(address, headers=headers, stream=True, allow_redirects=False, timeout=left)
        with response:
            if response.status_code != 200:
                moved = 300 <= response.status_code < 400
                raise Unfetched("redirect" if moved else f"status {response.status_code}")
            return _body(response, until, allowance)


def _body(response: requests.Response, until: float, allowance: Allowance) -> bytes:
    """Read as it comes: ``response.content`` would wait for as long as a server drips."""
    parts: list[bytes] = []
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            allowance.take(len(chunk))
            parts.append(chunk)
            if time.monotonic() > until:
                raise Unfetched(TIMEOUT)
    except ReadTimeoutError:
        raise Unfetched(TIMEOUT) from None
    except (HTTPError, OSError):
        raise Unfetched("broken off") from None
    return b"".join(parts)


def _bearer(authorization: Authorization | None) -> dict[str, str]:
    if authorization is None:
        return {}
    if not _TOKEN.fullmatch(authorization.access_token):
        raise Unfetched("unusable token")  # a line end in it would be a header of its own
    return {"Authorization": f"Bearer {authorization.access_token}"}
