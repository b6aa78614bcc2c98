"""The request, clause by clause (R1 to R6)."""

import json
import logging

import pytest

from cds_service.hooks import HOOKS
from tests import fhir_server as ways
from tests.spec.wire import Answer, OperationOutcome, read

TOKEN = {
    "access_token": "opaque-7Fq2",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/Observation.rs patient/Condition.read",
    "subject": "osteohooks",
    "patient": "17",
}


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


@pytest.fixture
def post(client, example):
    def post(body, path=example.mirels):
        return client.post(path, json=body)

    return post


def answered(response):
    assert response.status_code == 200, response.text
    return read(response.data, Answer)


def refused(response):
    assert response.status_code == 400, response.text
    return read(response.data, OperationOutcome).issue[0].expression


def topics(response):
    return [card.source.topic.code for card in answered(response).cards]


# --- R1: the fields


@pytest.mark.parametrize("field", ["hook", "hookInstance", "context"])
def test_r1_hook_hook_instance_and_context_are_required(post, example, complete, field):
    """Without one of the three required fields the request is refused, and the refusal names the field."""
    request = example.request(prefetch=complete())
    del request[field]
    assert refused(post(request)) == [field]


@pytest.mark.parametrize("field", ["fhirServer", "fhirAuthorization", "extension", "prefetch"])
def test_r1_everything_else_may_be_left_out(post, example, complete, server, field):
    """fhirServer, fhirAuthorization, prefetch and extension are optional, and a request without one is answered."""
    request = example.request(prefetch=complete(), fhirServer=server.base, fhirAuthorization=TOKEN)
    del request[field]
    answered(post(request))


@pytest.mark.parametrize("instance", ["1", "", None, 7, "d1577c69dfbe44adba6d3e05e953b2ea0"])
def test_r1_hook_instance_is_a_uuid(post, example, instance):
    """hookInstance is a UUID; anything else is refused."""
    assert refused(post(example.request() | {"hookInstance": instance})) == ["hookInstance"]


def test_r1_extensions_of_others_are_tolerated(post, example, complete):
    """A client may send extensions and fields the service does not know: they change nothing."""
    request = example.request(prefetch=complete())
    plain = post(request).data
    request["extension"] |= {"com.example.timestamp": {"value": "2026-11-21"}, "com.example.flag": True}
    assert post(request | {"somethingNew": [1]}).data == plain


# --- R2: what belongs together


def test_r2_a_token_without_a_server_is_of_no_use_and_no_harm(post, example, complete):
    """fhirAuthorization goes with fhirServer (cds-r-1); without one the token is not used, and the call is answered."""
    request = example.request(prefetch=complete())
    assert post(request | {"fhirAuthorization": TOKEN}).data == post(request).data


def test_r2_a_patient_scope_without_its_patient_is_answered(post, example, complete, server):
    """With a patient/ scope the authorization SHOULD name the patient (cds-r-2); a client that does not is served."""
    token = {name: value for name, value in TOKEN.items() if name != "patient"}
    answered(post(example.request(prefetch=complete(), fhirServer=server.base, fhirAuthorization=token)))


# --- R3: the token


def test_r3_the_token_is_sent_as_bearer_to_the_server(post, example, complete, server):
    """access_token is what the service calls the FHIR server with, as a Bearer token."""
    prefetch = complete()
    del prefetch["lesions"]
    answered(post(example.request(prefetch=prefetch, fhirServer=server.base, fhirAuthorization=TOKEN)))
    assert [headers["Authorization"] for _, headers in server.asked] == [f"Bearer {TOKEN['access_token']}"]


def test_r3_the_token_is_nowhere_else(post, example, complete, server, caplog):
    """The token is transient: it stands in no answer, no error and no log, whatever happens."""
    caplog.set_level(logging.DEBUG)
    server.otherwise = ways.body(b"", 401)
    request = example.request(fhirServer=server.base, fhirAuthorization=TOKEN)
    told = [post(request), post(request | {"prefetch": {"patient": None}}), post(request | {"hookInstance": "x"})]
    assert [response.status_code for response in told] == [412, 200, 400]
    assert TOKEN["access_token"] not in caplog.text + "".join(
        response.text + str(response.headers) for response in told
    )


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer"])
def test_r3_token_type_is_bearer(post, example, complete, server, kind):
    """token_type is fixed as Bearer; how it is written does not matter."""
    prefetch = complete()
    del prefetch["lesions"]
    token = TOKEN | {"token_type": kind}
    post(example.request(prefetch=prefetch, fhirServer=server.base, fhirAuthorization=token))
    assert server.asked[0][1]["Authorization"] == f"Bearer {TOKEN['access_token']}"


# --- R4: the hook of the service


def test_r4_a_service_answers_at_its_own_hook_only(client, example):
    """The hook in the body is the hook of the service called: any other is refused, at every service."""
    for service in client.get("/cds-services").get_json()["services"]:
        for hook in HOOKS.keys() - {service["hook"]}:
            drafts = {name: {"entry": []} for name in ("draftOrders", "appointments", "conditions", "medications")}
            response = client.post(f"/cds-services/{service['id']}", json=example.request(hook, context=drafts))
            assert refused(response) == ["hook"]


# --- R5: the context


@pytest.mark.parametrize(("hook", "field"), [(hook, name) for hook in HOOKS for name in HOOKS[hook].fields])
def test_r5_every_field_of_a_context_has_its_type(client, example, hook, field):
    """Each field of a hook's context has the type the hook defines; another type is refused and named."""
    service = next((one for one in client.get("/cds-services").get_json()["services"] if one["hook"] == hook), None)
    path = f"/cds-services/{service['id']}" if service else example.mirels  # the context is read before the service
    context = {name: {"resourceType": "Bundle"} for name, of in HOOKS[hook].fields.items() if of.kind == "resources"}
    response = client.post(path, json=example.request(hook, context=context | {field: 7}))
    assert refused(response) == [f"context.{field}"]


def test_r5_unknown_fields_of_a_context_are_tolerated(post, example, complete):
    """A context may hold more than the hook defines."""
    request = example.request(prefetch=complete())
    plain = post(request).data
    request["context"]["more"] = {"a": [1]}
    assert post(request).data == plain


def test_r5_what_the_specification_requires_and_no_answer_needs(post, example, complete):
    """userId is required of clients; one that leaves it out is answered all the same, since no rule reads it."""
    request = example.request(prefetch=complete())
    del request["context"]["userId"]
    answered(post(request))


# --- R6: real clients send what is no valid R4


SANDBOX_DRAFT = {  # as the reference sandbox drafts a drug: no intent, an empty coding, an empty list
    "resourceType": "MedicationRequest",
    "id": "request-1",
    "status": "draft",
    "subject": {"reference": "Patient/17"},
    "medicationCodeableConcept": {"coding": [{}]},
    "reasonCode": [],
}
ODD = [
    pytest.param({"category": "problem", "assertedDate": "2019"}, id="the library's own example Condition"),
    pytest.param({"surprise": {"a": 1}}, id="an unknown field"),
    pytest.param({"onsetDateTime": "2020-05-04T10:00:00"}, id="a time without its zone"),
    pytest.param({"onsetDateTime": ""}, id="an empty text"),
    pytest.param({"onsetDateTime": None}, id="null"),
    pytest.param({"code": "C79.5"}, id="a code that is a word"),
    pytest.param({"subject": 5}, id="a subject that is a number"),
]


@pytest.mark.parametrize("odd", ODD)
def test_r6_one_odd_resource_costs_no_other(post, example, complete, odd):
    """FHIR that is not valid R4 never fails the call: what can be understood beside it still speaks."""
    conditions = example.searchset({**example.metastasis, "id": "odd", **odd}, example.metastasis)
    prefetch = complete(conditions=conditions, lesions=example.searchset(example.lesion))
    assert "mirels" in topics(post(example.request(prefetch=prefetch)))


def test_r6_an_observation_without_status_is_skipped_and_named(post, example, complete):
    """What cannot be used is named in the answer, by its reference."""
    lesion = {name: value for name, value in example.lesion.items() if name != "status"}
    response = post(example.request(prefetch=complete(lesions=example.searchset(lesion, [1], "text"))))
    skipped = response.get_json()["extension"]["org.osteohooks.evaluation"]["skipped"]
    assert "mirels" not in topics(response)
    assert skipped


def test_r6_the_drafts_of_the_reference_sandbox(client, example, complete):
    """A Bundle of drafts without type, a MedicationRequest without intent, an empty coding: answered."""
    service = "bone-modifying-agents-order-select"
    for drafts in ({"resourceType": "Bundle", "entry": [{"resource": SANDBOX_DRAFT}]}, {"entry": []}):
        context = {"draftOrders": drafts, "selections": ["MedicationRequest/request-1"]}
        request = example.request("order-select", context=context, prefetch=complete(service))
        answered(client.post(f"/cds-services/{service}", data=json.dumps(request), content_type="application/json"))
