"""``GET /openapi.json``: the endpoints as OpenAPI 3.1, made from what the service itself goes by.

The services, the hooks' contexts and the shape of feedback come from the code; ``openapi.json`` holds the schemas of
what is answered, which no type of ours has.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response

from cards.imprint import VERSION
from cds_service.discovery import Service
from cds_service.errors import FHIR_JSON
from cds_service.feedback import FeedbackBody
from cds_service.hooks import HOOKS, Field, Hook
from cds_service.replies import reply
from cds_service.settings import Settings
from cds_service.terminology import TYPES

Json = dict[str, Any]

_JSON = "application/json"
_SCHEMAS: Json = msgspec.json.decode((Path(__file__).parent / "openapi.json").read_bytes())
_REFUSED = {
    400: "The request is not one.",
    401: "A token is needed, or this one does not do.",
    404: "There is no such thing here.",
    412: "Nothing at all can be evaluated with what was sent or could be fetched.",
    413: "The body is too long.",
    415: "The body is not JSON, or not gzip.",
    503: "Too many calls at once, or the store is not there; Retry-After says when.",
}
_KINDS: dict[str, Json] = {
    "id": {"type": "string", "minLength": 1},
    "text": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "resources": {"$ref": "#/components/schemas/Resource"},
}


def openapi(settings: Settings, known: Iterable[Service]) -> Blueprint:
    """The endpoint; the description is made once."""
    body = msgspec.json.encode(description(settings, known))
    blueprint = Blueprint("openapi", __name__)

    @blueprint.get("/openapi.json")
    def described() -> Response:
        return reply(body)

    return blueprint


def description(settings: Settings, known: Iterable[Service]) -> Json:
    """The OpenAPI document of a service with these settings and services."""
    services = list(known)
    paths: Json = {"/cds-services": {"get": _get("discovery", "The services there are.", "Services")}}
    paths |= {f"/cds-services/{service.id}": {"post": _call(service)} for service in services}
    paths |= {f"/cds-services/{service.id}/feedback": {"post": _feedback(service)} for service in services}
    paths |= _others()
    (_, *_), shapes = msgspec.json.schema_components([FeedbackBody], ref_template="#/components/schemas/{name}")
    requests = {_request_name(hook): _request(hook) for hook in sorted({service.hook for service in services})}
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "OsteoHooks",
            "summary": "CDS Hooks for people with bone metastases",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.server.base_url.rstrip("/")}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS | requests | shapes},
    }
    if settings.security.require_jwt:
        document["components"]["securitySchemes"] = {
            "client": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        document["security"] = [{"client": []}]
    return document


def _call(service: Service) -> Json:
    return {
        "operationId": service.id,
        "summary": f"The cards of {service.theme} at {service.hook}.",
        "parameters": [_LANGUAGE],
        "requestBody": _body(_request_name(service.hook)),
        "responses": {"200": _answer("Cards, most urgent first; none when there is nothing to say.", "Cards")}
        | _refusals(400, 401, 412, 413, 415, 503),
    }


def _feedback(service: Service) -> Json:
    kept: Json = {
        "type": "object",
        "required": ["kept"],
        "properties": {
            "kept": {"type": "integer", "minimum": 1},
            "unknownCards": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        },
    }
    return {
        "operationId": f"{service.id}-feedback",
        "summary": f"What became of cards of {service.id}.",
        "requestBody": _body(FeedbackBody.__name__),
        "responses": {"200": {"description": "It is kept.", "content": {_JSON: {"schema": kept}}}}
        | _refusals(400, 401, 404, 413, 415, 503),
    }


def _others() -> Json:
    """The endpoints that are not of CDS Hooks."""
    kind = {"name": "type", "in": "path", "required": True, "schema": {"enum": list(TYPES)}}
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    narrowed = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in ("url", "_id")
    ]
    found = _answer("The codes and forms the service uses.", "Resource", FHIR_JSON)
    return {
        "/fhir/{type}": {
            "get": {"operationId": "fhir-search", "parameters": [kind, *narrowed], "responses": {"200": found}},
        },
        "/fhir/{type}/{id}": {
            "get": {
                "operationId": "fhir-read",
                "parameters": [kind, identity],
                "responses": {"200": found} | _refusals(404),
            },
        },
        "/health/live": {"get": _get("live", "Alive.", "Health")},
        "/health/ready": {
            "get": _get("ready", "Ready.", "Health")
            | {"responses": {"200": _answer("Ready.", "Health"), "503": _answer("The store is not there.", "Health")}}
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "responses": {"200": {"description": "Prometheus text.", "content": {"text/plain": {}}}},
            }
        },
    }


def _get(name: str, summary: str, schema: str) -> Json:
    return {"operationId": name, "summary": summary, "responses": {"200": _answer(summary, schema)}}


def _answer(told: str, schema: str, mimetype: str = _JSON) -> Json:
    return {"description": told, "content": {mimetype: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _refusals(*statuses: int) -> Json:
    return {str(status): _answer(_REFUSED[status], "OperationOutcome", FHIR_JSON) for status in statuses}


def _body(schema: str) -> Json:
    return {"required": True, "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _request_name(hook: str) -> str:
    return "".join(word.capitalize() for word in hook.split("-")) + "Request"


def _request(hook: str) -> Json:
    """A call at a hook: only what is needed for an answer is required, as ``hooks.py`` has it."""
    return {
        "type": "object",
        "required": ["hook", "hookInstance", "context"],
        "properties": {
            "hook": {"const": hook},
            "hookInstance": {"type": "string", "format": "uuid"},
            "context": _context(HOOKS[hook]),
            "fhirServer": {"type": "string"},
            "fhirAuthorization": {"type": "object"},
            "prefetch": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Resource"}},
            "extension": {"type": "object"},
        },
    }


def _context(hook: Hook) -> Json:
    return {
        "type": "object",
        "required": [name for name, field in hook.fields.items() if field.needed],
        "properties": {name: _kind(field) for name, field in hook.fields.items()},
    }


def _kind(field: Field) -> Json:
    return _KINDS[field.kind]


_LANGUAGE: Json = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "en, zh, zh-CN or zh-Hans; else the language of the settings.",
}
