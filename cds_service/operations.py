"""For those who run the service: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cds_service.replies import reply


def operations() -> Blueprint:
    """``GET /health/live``, ``GET /health/ready``, ``GET /metrics``."""
    blueprint = Blueprint("operations", __name__)

    @blueprint.get("/health/live")
    def live() -> Response:
        return reply({"status": "alive"})

    @blueprint.get("/health/ready")
    def ready() -> Response:
        return reply({"status": "ready"})

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return blueprint
