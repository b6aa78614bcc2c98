"""CORS, for clients that run in a browser (cds-hooks S6). ``server.cors_origins = []`` turns it off."""

from __future__ import annotations

from flask import Flask, Response, request

_PATHS = ("/cds-services", "/fhir")


def allow_origins(app: Flask, origins: list[str]) -> None:
    """Answers preflights and marks responses for the allowed origins, on the machine endpoints only."""
    if not origins:
        return

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers and _covered():
            return Response(status=204)
        return None

    @app.after_request
    def mark(response: Response) -> Response:
        if not _covered() or (allowed := _allowed(origins)) is None:
            return response
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Expose-Headers"] = "Content-Language"
        if allowed != "*":
            response.vary.add("Origin")
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = "authorization, content-type, content-encoding"
            response.headers["Access-Control-Max-Age"] = "600"
        return response


def _covered() -> bool:
    return request.path.startswith(_PATHS)


def _allowed(origins: list[str]) -> str | None:
    if "*" in origins:
        return "*"
    origin = request.headers.get("Origin")
    return origin if origin in origins else None
