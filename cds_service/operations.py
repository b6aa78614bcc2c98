"""For those who run the service: is it alive, is it ready, how is it doing, and what happened to this request."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from cds_service import metrics
from cds_service.errors import Refusal
from cds_service.replies import reply
from cds_service.store import Store
from cds_service.waiting import LONGEST_S, waited

REQUEST_ID = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KINDS = {"calls.call": "call", "feedback.take": "feedback"}
_RETRY_AFTER_S = 1

_log = logging.getLogger("osteohooks")


def operations(store: Store | None) -> Blueprint:
    """``GET /health/live``, ``GET /health/ready``, ``GET /metrics``."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/health/live")
    def live() -> Response:
        return reply({"status": "alive"})

    @blueprint.get("/health/ready")
    def ready() -> Response:
        if store is None:
            return reply({"status": "ready", "store": "none"})
        if store.reachable():
            return reply({"status": "ready", "store": "reachable"})
        return reply({"status": "not ready", "store": "not reachable"}, 503)

    @blueprint.get("/metrics")
    def shown() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def observe(app: Flask, known: Iterable[str]) -> None:
    """Every request gets an id, one line in the log and, where it is a call, its place in the metrics."""
    services = frozenset(known)

    @app.before_request
    def begin() -> None:
        given = request.headers.get(REQUEST_ID, "")
        g.request_id = given if _SANE.fullmatch(given) else uuid4().hex
        g.began = perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[REQUEST_ID] = g.request_id
        took = perf_counter() - g.began
        asked = (request.view_args or {}).get("service_id", "")
        service = asked if asked in services else "unknown"
        if kind := _KINDS.get(request.endpoint or ""):
            metrics.of_call(kind, service, response.status_code).inc()
            if kind == "call":
                metrics.seconds_of(service).observe(took)
        told = {"method": request.method, "route": str(request.url_rule or "none"), "status": response.status_code}
        told |= {"ms": round(took * 1000, 1)} | ({"service": service} if kind else {})
        quiet = request.blueprint == "operations"
        _log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=told)
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()


class Room:
    """Places for ``most`` at a time, and for those who come late only ``FEW`` of them."""

    FEW = 4

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def enter(self, *, late: bool) -> bool:
        with self._lock:
            if self._taken >= (min(self.FEW, self._most) if late else self._most):
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._taken -= 1


def limit(app: Flask, most: int) -> None:
    """No more than ``most`` requests at a time under ``/cds-services`` are answered by this process; others get a 503.

    One that has already waited long for a thread gets it as soon as a few are being answered: enough to keep the
    process busy, too few for a queue. There are a few more threads than ``most`` (``gunicorn_conf``), so that the 503
    and ``/health`` do not wait for calls.
    """
    room = Room(most)

    @app.before_request
    def enter() -> None:
        if not request.path.startswith("/cds-services"):
            return
        if not room.enter(late=waited.get() > LONGEST_S):
            metrics.busy.inc()
            raise Refusal(503, "too many calls at once; try again shortly")
        g.holds_room = True

    @app.after_request
    def hint(response: Response) -> Response:
        if response.status_code == 503:
            response.headers.setdefault("Retry-After", str(_RETRY_AFTER_S))
        return response

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        if g.pop("holds_room", False):
            room.leave()
