"""gunicorn's threaded worker, with an end to every request: who sends by drips holds a thread only so long.

It tells how long a request has waited for a thread (``waiting``), and lets whoever has less to do take a connection.

A thread reads one request; without an end, as many slow clients as there are threads would stop the service. A server
that faces an open network has a proxy in front that reads requests whole before it hands them on.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from cds_service.waiting import waited

ARRIVES_WITHIN_S = 15  # a request, headers and body; then it is answered as one that broke off
ENDS_WITHIN_S = 30  # and its answer has been taken; then the connection is closed
GIVES_WAY_S = 0.0001  # for each connection it holds, and for no more than MOST_GIVEN of them
MOST_GIVEN = 8
FLOODED = 256  # connections of one worker: then no other is idle, and whoever comes has waited enough


class Worker(ThreadWorker):
    """Looks once a second, in the loop that gunicorn runs anyway, which requests take too long to come or to go."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun: dict[Any, float] = {}

    def accept(self, listener: Any) -> None:
        """Takes a connection, unless a worker that holds fewer does: a client that keeps its connections would else
        have all of them answered by the one process that was awake when they came."""
        if 0 < self.nr_conns < FLOODED:
            time.sleep(GIVES_WAY_S * min(self.nr_conns, MOST_GIVEN))
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        conn.enqueued = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        self._begun[conn] = now = time.monotonic()
        waited.set(now - conn.enqueued)
        try:
            return super().handle(conn)
        finally:
            self._begun.pop(conn, None)

    def notify(self) -> None:
        super().notify()
        now = time.monotonic()
        for conn, begun in list(self._begun.items()):
            if now - begun > ARRIVES_WITHIN_S:
                with suppress(OSError):  # it has just ended by itself
                    conn.sock.shutdown(socket.SHUT_RDWR if now - begun > ENDS_WITHIN_S else socket.SHUT_RD)
