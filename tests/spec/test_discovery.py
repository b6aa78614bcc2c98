"""Discovery, clause by clause (D1 to D5)."""

import json

import msgspec
import pytest

from cards.catalogue import load_catalogue
from cds_service.hooks import HOOKS
from tests.spec.wire import Discovery, OperationOutcome, empty_places, read

LANGUAGES = ("en", "zh-Hans")


@pytest.fixture(params=LANGUAGES)
def body(client, request):
    return client.get("/cds-services", headers={"Accept-Language": request.param}).data


def test_d1_discovery_is_at_cds_services(client):
    """GET {base}/cds-services answers 200 with a JSON object that holds the services."""
    response = client.get("/cds-services")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.get_json()["services"]


def test_d1_no_service_is_an_empty_list(serve):
    """A server without services answers with an empty array, not with 404."""
    every = ",".join(load_catalogue().advisories)
    response = serve(advisories__off=every).get("/cds-services")
    assert (response.status_code, response.get_json()) == (200, {"services": []})


def test_d2_every_service_has_the_shape_of_the_specification(body):
    """hook, description and id are there; title, prefetch, usageRequirements, version and hookVersion as defined."""
    for service in read(body, Discovery).services:
        assert service.hook_version == HOOKS[service.hook].version


@pytest.mark.parametrize(
    "broken",
    [{"description": None}, {"id": "a/b"}, {"hookVersion": ""}, {"prefetch": {}}, {"prefetch": {"a": 1}}, {"more": 1}],
)
def test_d2_the_shape_is_strict(client, broken):
    """The check above is one that can fail."""
    services = client.get("/cds-services").get_json()["services"]
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps({"services": [services[0] | broken]}).encode(), Discovery)


def test_d3_an_id_names_one_service(body):
    """An id may recur with another hook; clients that key by address would lose all but one, so here none does."""
    services = read(body, Discovery).services
    assert len({service.id for service in services}) == len(services)


def test_d3_every_id_is_an_address(client):
    """{base}/cds-services/{id} is where a service is called: it knows its id, and only its id."""
    for service in client.get("/cds-services").get_json()["services"]:
        assert client.post(f"/cds-services/{service['id']}", json={}).status_code == 400
    assert client.post("/cds-services/no-such-service", json={}).status_code == 404


def test_d4_no_null_and_nothing_empty(body):
    """No null, empty text, empty array or empty object where the specification does not ask for one."""
    assert empty_places(json.loads(body)) == []


def test_d4_in_no_answer_either(recorded_answers):
    """The same in the answers to calls, where only "cards" may be empty."""
    for name, answer in recorded_answers.items():
        assert [place for place in empty_places(json.loads(answer)) if place != "$.cards"] == [], name


@pytest.mark.parametrize("path", ["/cds-services/none", "/cds-services/fracture-risk-patient-view"])
def test_d4_in_no_refusal_either(client, path):
    """The same in the bodies of errors."""
    assert empty_places(client.post(path, json={}).get_json()) == []


def test_d5_discovery_may_fail_with_another_status(client):
    """Discovery may answer with another status when it must; its body then says why."""
    response = client.post("/cds-services")
    assert response.status_code == 405
    assert read(response.data, OperationOutcome).issue[0].code == "not-supported"
