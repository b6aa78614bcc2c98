"""The description of the endpoints is complete and true: schemathesis makes calls by it and checks the answers."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds_service.app import create_app
from cds_service.hooks import HOOKS
from cds_service.openapi import description
from cds_service.settings import load_settings
from tests.fuzz import mutations
from tests.fuzz.profiles import ROUND

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ROUND_OF_CALLS = hypothesis_settings(ROUND, max_examples=max(10, ROUND.max_examples // 20))

# One service of each hook, and one address for feedback: the others are described and answered by the same code.
OPERATIONS = [
    ("/cds-services", "GET"),
    ("/cds-services/bone-modifying-agents-patient-view", "POST"),
    ("/cds-services/bone-modifying-agents-order-select", "POST"),
    ("/cds-services/bone-modifying-agents-order-sign", "POST"),
    ("/cds-services/bone-modifying-agents-encounter-discharge", "POST"),
    ("/cds-services/bone-modifying-agents-appointment-book", "POST"),
    ("/cds-services/spine-patient-view/feedback", "POST"),
    ("/fhir/{type}", "GET"),
    ("/fhir/{type}/{id}", "GET"),
    ("/health/live", "GET"),
    ("/health/ready", "GET"),
    ("/metrics", "GET"),
]
PAGES = {"/", "/static/<path:filename>", "/openapi.json"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    store = f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"
    environ = {"OSTEOHOOKS__STORE__URL": store, "OSTEOHOOKS__SERVER__ALLOW_AS_OF": "true"}
    return create_app(load_settings(environ=environ))


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    schema.validate()
    return schema


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda value: value)
def test_what_is_answered_is_what_is_described(described: Any, path: str, method: str) -> None:
    @ROUND_OF_CALLS
    @given(case=described[path][method].as_strategy())
    def answered(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    answered()


@pytest.mark.parametrize("name", ["mirels", "denosumab-interval", "bma-duplicate", "transfer-fracture"])
def test_what_a_client_sends_is_what_is_described(described: Any, name: str) -> None:
    path = f"/cds-services/{mutations.services()[name]}"
    body = mutations.examples()[name]
    described[path]["POST"].Case(body=body, media_type="application/json").call_and_validate(checks=CHECKS)


def test_every_endpoint_is_described(app: Flask, described: Any) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    services = {entry["id"] for entry in app.test_client().get("/cds-services").get_json()["services"]}
    assert {f"/cds-services/{service}" for service in services} <= document["paths"].keys()
    assert {f"/cds-services/{service}/feedback" for service in services} <= document["paths"].keys()
    others = {path for path in document["paths"] if path.count("/") == 1 or not path.startswith("/cds-services/")}
    served = {str(rule) for rule in app.url_map.iter_rules()} - PAGES
    assert len(others) + 2 == len(served), (others, served)  # two of CDS Hooks' are described once a service


def test_a_hook_is_described_as_it_is_read(app: Flask) -> None:
    schemas = app.test_client().get("/openapi.json").get_json()["components"]["schemas"]
    context = schemas["OrderSignRequest"]["properties"]["context"]
    assert context["required"] == [name for name, field in HOOKS["order-sign"].fields.items() if field.needed]


def test_a_service_that_asks_for_tokens_says_so() -> None:
    closed = description(load_settings(environ={"OSTEOHOOKS__SECURITY__REQUIRE_JWT": "true"}), [])
    assert closed["components"]["securitySchemes"]["client"]["scheme"] == "bearer"
    assert closed["security"] == [{"client": []}]
