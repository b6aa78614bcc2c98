"""A FHIR server on this machine that does what it is told, and everything a server should not do.

``server.on("Observation", way)`` chooses the way a resource type is answered; each way gets the request's handler.
Servers wait on ``closing`` rather than sleep, so that a test that has its answer never waits for them.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
PATIENT = {"resourceType": "Patient", "id": "17", "gender": "female", "birthDate": "1961-02-03"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FhirServer
    timeout = 20
    disable_nagle_algorithm = True  # headers and body are two writes, and the second would wait for an acknowledgement

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.ports.add(self.client_address[1])
        kind = urlsplit(self.path).path.removeprefix(self.server.path).strip("/").split("/")[0]
        try:
            self.server.ways.get(kind, self.server.otherwise)(self)
        except OSError:
            self.close_connection = True  # the service hung up, as it should

    def log_message(self, *_: object) -> None:
        pass

    def say(self, body: bytes | Json, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


Way = Callable[[_Handler], None]


class FhirServer(ThreadingHTTPServer):
    """``asked``: path and headers of every request; ``ports``: the connections it came on."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str = "/r4", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        self.path = path
        self.ways: dict[str, Way] = {}
        self.otherwise: Way = plainly
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ports: set[int] = set()
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def base(self) -> str:
        return f"{self.scheme}://localhost:{self.server_port}{self.path}"

    def on(self, kind: str, way: Way) -> FhirServer:
        self.ways[kind] = way
        return self

    def kinds(self) -> list[str]:
        """What was asked for, sorted: ``["Condition", "Patient"]``."""
        return sorted(urlsplit(path).path.removeprefix(self.path).strip("/").split("/")[0] for path, _ in self.asked)

    def handle_error(self, *_: object) -> None:
        pass  # connections cut short are what it is for

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def searchset(resources: Iterable[Json] = (), *, following: str | None = None, **more: Any) -> Json:
    bundle: Json = {"resourceType": "Bundle", "type": "searchset"} | more
    if entries := [{"resource": one, "search": {"mode": "match"}} for one in resources]:
        bundle["entry"] = entries
    if following is not None:
        bundle["link"] = [{"relation": "next", "url": following}]
    return bundle


def plainly(handler: _Handler) -> None:
    """The patient for a read of it, nothing found for a search, 404 for any other read."""
    path = urlsplit(handler.path).path
    if path.endswith("/Patient/17"):
        handler.say(PATIENT)
    elif handler.path != path:
        handler.say(searchset())
    else:
        handler.say({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}, 404)


# --- Ways of answering


def found(*resources: Json, **more: Any) -> Way:
    return lambda handler: handler.say(searchset(resources, **more))


def body(content: bytes | Json, status: int = 200, **headers: str) -> Way:
    return lambda handler: handler.say(content, status, **headers)


def pages(*contents: Iterable[Json], total: int | None = None) -> Way:
    """The resources of each page, linked as servers do it: one token in the query."""

    def way(handler: _Handler) -> None:
        number = int(handler.path.split("page=")[1]) if "page=" in handler.path else 0
        following = f"{handler.server.base}/Observation?page={number + 1}" if number + 1 < len(contents) else None
        handler.say(searchset(contents[number], following=following, **({} if total is None else {"total": total})))

    return way


def endless(handler: _Handler) -> None:
    number = int(handler.path.split("page=")[1]) if "page=" in handler.path else 0
    handler.say(searchset(following=f"{handler.server.base}/Observation?page={number + 1}"))


def never(handler: _Handler) -> None:
    """The request is taken and nothing comes."""
    handler.server.closing.wait(20)
    handler.close_connection = True


def drip_body(handler: _Handler) -> None:
    """A byte now and then: each one resets a plain timeout."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b" ")


def drip_headers(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b"x")


def cut_short(handler: _Handler) -> None:
    """Half of a body, and then the connection ends in good order."""
    data = json.dumps(searchset()).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def cut_chunks(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'10\r\n{"resourceType":')
    handler.close_connection = True


def reset(handler: _Handler) -> None:
    """Half of a body, and then the connection is torn down."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"resourceType"')
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hang_up(handler: _Handler) -> None:
    """No answer at all."""
    handler.close_connection = True


def hang_up_once() -> Way:
    """As when a kept connection was closed a moment ago: the first request gets nothing, the next one an answer."""
    first = threading.Event()

    def way(handler: _Handler) -> None:
        if first.is_set():
            handler.say(searchset())
        else:
            first.set()
            handler.close_connection = True

    return way


def gibberish(handler: _Handler) -> None:
    handler.wfile.write(b"\x00\x01 nothing like HTTP\r\n\r\n")
    handler.close_connection = True


def inflating(size: int) -> Way:
    """A small body that becomes ``size`` bytes."""
    small = gzip.compress(b'{"resourceType": "Bundle"' + b" " * size + b"}")
    return body(small, Content_Encoding="gzip")


def zipped(content: Json) -> Way:
    return body(gzip.compress(json.dumps(content).encode()), Content_Encoding="gzip")
