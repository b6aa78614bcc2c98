"""What only a real server can be given: bytes that are no HTTP, bodies that break off, clients that send by drips."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest

from cds_service import worker
from tests.fuzz import mutations
from tests.fuzz.judge import REFUSALS

PATIENCE_S = 60  # a hang fails; nothing here is measured
PATH = "/cds-services/fracture-risk-patient-view"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n".encode()
START = "from cds_service import worker; worker.ARRIVES_WITHIN_S = 1; from cds_service.cli import main; main()"
THREADS = 32
MEGABYTES_MORE = 100


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A service with one worker that waits one second for a request; its port, process and errors."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    errors = tmp_path_factory.mktemp("served") / "stderr"
    with errors.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "serve", "--workers", "1", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=written,
            env=os.environ | {"OSTEOHOOKS__STORE__URL": ""},
        )
    assert process.stdout is not None
    assert b"OsteoHooks at" in process.stdout.readline(), errors.read_text()
    yield SimpleNamespace(port=port, process=process, errors=errors)
    process.kill()
    process.communicate()


def connected(served: SimpleNamespace, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", served.port), PATIENCE_S)
    connection.sendall(sent)
    return connection


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


def is_alive(served: SimpleNamespace) -> bool:
    return bool(urlopen(f"http://127.0.0.1:{served.port}/health/live", timeout=PATIENCE_S).status == 200)


BROKEN_OFF = {
    "shorter than its Content-Length": b'Content-Length: 5000\r\n\r\n{"hook":',
    "a chunk shorter than its length": b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "a chunk without a length": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk without its end": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n",
    "a chunk of a negative length": b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a chunk of a huge length": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 15 + b"\r\n{}",
}


@pytest.mark.parametrize("sent", BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_a_body_that_breaks_off_is_refused(served: SimpleNamespace, sent: bytes) -> None:
    with connected(served, HEAD + sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert status_of(connection.recv(4096)) == 400
    assert '"event":"defect' not in served.errors.read_text()


GARBAGE = {
    "nothing of HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n",
    "an endless line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "ten thousand headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: " + b"a" * 100_000 + b"\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "a length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "a header without a name": b"GET / HTTP/1.1\r\n: b\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "a path that is no text": b"GET /cds-services/\xff\xfe%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown method": b"ZAP /cds-services HTTP/1.1\r\nHost: a\r\n\r\n",
    "headers that are no text": b"GET /cds-services HTTP/1.1\r\nHost: a\r\nAccept-Language: \xff\xfe\r\n\r\n",
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused(served: SimpleNamespace, sent: bytes) -> None:
    with connected(served, sent) as connection:
        connection.shutdown(socket.SHUT_WR)
        try:
            status = status_of(connection.recv(4096))
        except ConnectionResetError:  # refused before all of it was read
            status = 0
    assert status < 500 or status == 501  # 501: a transfer coding or method nobody has
    assert is_alive(served)
    assert '"event":"defect' not in served.errors.read_text()


SLOW = {
    "headers": HEAD,
    "a body": HEAD + b"Content-Length: 5000\r\n\r\n{",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_more_slow_clients_than_threads_do_not_stop_the_service(served: SimpleNamespace, sent: bytes) -> None:
    """Without an end to a request, each of these would hold its thread for as long as its client likes."""
    slow = [connected(served, sent) for _ in range(2 * THREADS)]
    assert is_alive(served)
    for connection in slow:
        connection.close()


def test_a_request_that_takes_too_long_is_cut_off_and_another_is_not() -> None:
    """What the worker looks at once a second, without the second."""

    class Watching(worker.Worker):
        def __init__(self) -> None:
            self._begun: dict[Any, float] = {}
            self.tmp = SimpleNamespace(notify=lambda: None)

    ours, theirs = socket.socketpair()
    others, their_others = socket.socketpair()
    watching = Watching()
    now = time.monotonic()
    late, early = _Connection(ours), _Connection(others)
    watching._begun = {late: now - worker.ARRIVES_WITHIN_S - 1, early: now}
    watching.notify()
    assert ours.recv(1) == b""  # as if the client had stopped sending
    ours.sendall(b"400")
    assert theirs.recv(3) == b"400"  # and it can still be told so
    their_others.sendall(b"x")
    assert others.recv(1) == b"x"
    watching._begun = {late: now - worker.ENDS_WITHIN_S - 1}
    watching.notify()
    with pytest.raises(OSError):
        ours.sendall(b"more")


class _Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock


def posted(served: SimpleNamespace, body: bytes, **headers: str) -> int:
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    told = b"".join(f"{name}: {value}\r\n".encode() for name, value in sent.items())
    length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE_S) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: here\r\n".encode() + told + length)
        with suppress(OSError):  # refused before it was sent
            connection.sendall(body)
        try:
            return status_of(connection.recv(4096))
        except ConnectionResetError:
            return 0


def test_memory_stays_bounded(served: SimpleNamespace) -> None:
    """Requests of six megabytes, and a megabyte that inflates to a gigabyte: after the first few, no more is kept."""
    request = mutations.copied(mutations.examples()["mirels"])
    lesion = request["prefetch"]["lesions"]["entry"][0]["resource"]
    request["prefetch"]["lesions"]["entry"] = [{"resource": lesion | {"id": f"l{n}"}} for n in range(4000)]
    large = json.dumps(request).encode()
    bomb = gzip.compress(b" " * 1_000_000_000, 1)
    for _ in range(8):
        assert posted(served, large) == 200
        assert posted(served, bomb, Content_Encoding="gzip") == 413
    before = resident_mb(served)
    for _ in range(12):
        assert posted(served, large) == 200
        assert posted(served, bomb, Content_Encoding="gzip") == 413
        assert posted(served, b" " * 20_000_000) in (*REFUSALS, 0)
    assert resident_mb(served) - before < MEGABYTES_MORE
    assert '"event":"defect' not in served.errors.read_text()


def resident_mb(served: SimpleNamespace) -> float:
    """The memory of the one worker, in MB."""
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    status = Path(f"/proc/{children[0]}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1000  # type: ignore[index]
