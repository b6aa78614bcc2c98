"""Answers over HTTP: JSON bytes, and errors as OperationOutcome whatever went wrong."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from cds_service.errors import FHIR_JSON, Refusal, outcome
from cds_service.faults import where

_log = logging.getLogger("osteohooks")

_SAID = {
    404: "there is nothing at this address; GET /cds-services lists the services",
    405: "this address does not take this method",
    500: "the call could not be answered because of a defect in the service; nothing was worked out",
}


def reply(
    content: Any, status: int = 200, *, mimetype: str = "application/json", language: str | None = None
) -> Response:
    """``content`` (bytes as they are, anything else encoded) as a response; ``language`` where it has one."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    response = Response(body, status, mimetype=mimetype)
    if language is not None:
        response.headers["Content-Language"] = language
        response.headers["Vary"] = "Accept-Language"
    return response


def refuse(status: int, diagnostics: str, *places: str) -> Response:
    return reply(outcome(status, diagnostics, *places), status, mimetype=FHIR_JSON)


def answer_errors(app: Flask) -> None:
    """Every error of ``app`` becomes an OperationOutcome that names places and no values."""

    @app.errorhandler(Refusal)
    def refusal(error: Refusal) -> Response:
        return refuse(error.status, error.diagnostics, *error.places)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        response = refuse(status, _SAID.get(status, error.name))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        _log.error("defect: %s", where(error))
        return refuse(500, _SAID[500])
