"""Where other open CDS Hooks servers fail when they are probed (one test a situation): here they do not."""

from uuid import uuid4

import pytest

from tests import ehr
from tests import fhir_server as ways


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


def topics(response):
    assert response.status_code == 200, response.text
    return [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]


def empty_members(value, path="$"):
    """Where a body holds null, "", [] or {}."""
    if value is None or value in ("", [], {}):
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from empty_members(part, f"{path}.{key}")


def test_a_legal_request_without_prefetch(client, example):
    """Elsewhere: the process crashes; nothing is evaluated, silently; 0 is counted, wrongly."""
    response = client.post(example.mirels, json=example.request())
    assert response.status_code == 412
    assert "prefetch.lesions" in response.get_json()["issue"][0]["expression"]


def test_the_discovery_path(client):
    """Elsewhere: /cds/cds-discovery."""
    assert client.get("/cds-services").get_json()["services"]


def test_a_key_is_missing_and_a_fhir_server_given(client, example, server):
    """Elsewhere: not fetched."""
    server.on("Condition", ways.found(example.metastasis)).on("Observation", ways.found(example.lesion))
    assert "mirels" in topics(client.post(example.mirels, json=example.request(fhirServer=server.base)))


@pytest.mark.parametrize("way", [ways.hang_up, ways.body(b"", 401)], ids=["down", "401"])
def test_the_fhir_server_is_down_or_says_401(client, example, complete, server, way):
    """Elsewhere: 412 whatever else is known; 200 and not a word."""
    prefetch = complete()
    del prefetch["lesions"]
    request = example.request(prefetch=prefetch, fhirServer=server.on("Observation", way).base)
    assert "not-evaluated" in topics(client.post(example.mirels, json=request))


def test_an_operation_outcome_as_prefetch(client, example, complete):
    """Elsewhere: read as "no data"."""
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    request = example.request(prefetch=complete(lesions=error))
    assert "not-evaluated" in topics(client.post(example.mirels, json=request))


def test_a_first_page_only(client, example, complete, server):
    """Elsewhere: the other pages are not followed."""
    server.on("Observation", ways.found(example.lesion))
    first = ways.searchset(following=f"{server.base}/Observation?page=2")
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=first)
    request = example.request(prefetch=prefetch, fhirServer=server.base)
    assert "mirels" in topics(client.post(example.mirels, json=request))


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/cds-services/none", {"json": {}}, 404),
        ("/cds-services/fracture-risk-patient-view", {"data": "{", "content_type": "application/json"}, 400),
        ("/cds-services/fracture-risk-patient-view", {"data": "x", "content_type": "text/plain"}, 415),
        ("/cds-services/fracture-risk-patient-view", {"json": {"hook": "patient-view"}}, 400),
    ],
)
def test_error_bodies(client, path, sent, status):
    """Elsewhere: HTML."""
    response = client.post(path, **sent)
    assert (response.status_code, response.mimetype) == (status, "application/fhir+json")
    assert response.get_json()["resourceType"] == "OperationOutcome"


def test_no_null_and_nothing_empty_in_what_is_answered(client, example, complete):
    """Elsewhere: both."""
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))
    for given in (prefetch, complete(lesions=None)):
        body = client.post(example.mirels, json=example.request(prefetch=given)).get_json()
        assert body["cards"]
        assert list(empty_members(body)) == []


def test_a_rule_that_raises(client, example, complete, monkeypatch):
    """Elsewhere: 500 as text; 200 with no card, as if all were well."""

    def broken(*_, **__):
        raise ValueError

    monkeypatch.setattr("cds_service.advisor.answer", broken)
    response = client.post(example.mirels, json=example.request(prefetch=complete()))
    assert (response.status_code, response.mimetype) == (500, "application/fhir+json")


def test_a_caller_without_a_token(serve, tmp_path):
    """Elsewhere: none is asked for."""
    client = serve(security__require_jwt="true", store__url=f"sqlite:///{tmp_path}/store.db")
    assert client.get("/cds-services").status_code == 401
    stranger = {"Authorization": f"Bearer {ehr.token('http://127.0.0.1:8000/cds-services')}"}
    assert client.get("/cds-services", headers=stranger).status_code == 401


@pytest.mark.parametrize(("outcome", "status"), [("ignored", 400), ("overridden", 200)])
def test_feedback_with_an_outcome_that_is_none(serve, tmp_path, example, outcome, status):
    """Elsewhere: 200 all the same; no such address; refused, and nothing else is kept either."""
    client = serve(store__url=f"sqlite:///{tmp_path}/store.db")
    entry = {"card": str(uuid4()), "outcome": outcome, "outcomeTimestamp": "2026-11-21T09:30:00Z"}
    assert client.post(f"{example.mirels}/feedback", json={"feedback": [entry]}).status_code == status
