"""The request (cds-hooks R1-R5): what is demanded, what is tolerated, and where an error points."""

import json
from datetime import date

import pytest

from cds_service.errors import Refusal
from cds_service.examples import names, request_of
from cds_service.request import Authorization, read_request

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def body(hook="patient-view", *, context=None, **more):
    context = {"userId": "Practitioner/1", "patientId": "17"} if context is None else context
    return {"hook": hook, "hookInstance": INSTANCE, "context": context} | more


def read(value):
    return read_request(value if isinstance(value, bytes) else json.dumps(value).encode())


def refused(value) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(value)
    assert caught.value.status == 400
    return caught.value


def test_r1_the_smallest_request():
    request = read(body(context={"patientId": "17"}))
    assert (request.hook, request.hook_instance, request.context.patient_id) == ("patient-view", INSTANCE, "17")
    assert request.prefetch == {}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"hook": 3}, "hook"),
        ({"hook": None}, "hook"),
        ({"hook": "patient-visit"}, "hook"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"hookInstance": 5}, "hookInstance"),
        ({"context": []}, "context"),
        ({"context": {}}, "context.patientId"),
        ({"context": {"patientId": None}}, "context.patientId"),
        ({"context": {"patientId": 17}}, "context.patientId"),
        ({"context": {"patientId": ""}}, "context.patientId"),
        ({"context": {"patientId": "a b"}}, "context.patientId"),
        ({"context": {"patientId": "17", "encounterId": {}}}, "context.encounterId"),
        ({"prefetch": []}, "prefetch"),
        ({"extension": {"org.osteohooks.as-of": "yesterday"}}, 'extension."org.osteohooks.as-of"'),
    ],
)
def test_r1_r5_an_error_names_the_place(change, place):
    refusal = refused(body() | change)
    assert refusal.places == (place,)
    assert refusal.diagnostics.startswith(place)


@pytest.mark.parametrize("field", ["hook", "hookInstance", "context"])
def test_r1_a_missing_field_is_named(field):
    value = body()
    del value[field]
    assert refused(value).diagnostics == f"{field}: is missing"


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({"patientId": "17"}, "context.draftOrders"),
        ({"patientId": "17", "draftOrders": "none"}, "context.draftOrders"),
        ({"patientId": "17", "draftOrders": {}, "selections": "MedicationRequest/1"}, "context.selections"),
        ({"patientId": "17", "draftOrders": {}, "selections": [1]}, "context.selections"),
    ],
)
def test_r5_the_context_of_an_order_hook(context, place):
    assert refused(body("order-select", context=context)).places == (place,)


def test_r5_drafts_and_selections():
    context = {"patientId": "17", "selections": ["MedicationRequest/1"], "draftOrders": {"entry": []}, "more": 1}
    request = read(body("order-select", context=context))
    assert request.context.selections == ("MedicationRequest/1",)
    assert bytes(request.context.drafts) == b'{"entry": []}'


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="not JSON"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'{"hook": "patient-view",}', id="trailing comma"),
        pytest.param(json.dumps(body(prefetch={"labs": float("nan")})).encode(), id="NaN"),
        pytest.param(b'{"context":' + b"[" * 100_000, id="nested"),
        pytest.param(b'{"hook":"\xff\xfe"}', id="not UTF-8"),
    ],
)
def test_r1_what_is_not_json_is_refused(value):
    assert "\\x" not in refused(value).diagnostics


@pytest.mark.parametrize("patient", ["17", "Patient/17", "https://ehr.example.org/r4/Patient/17", " 17 "])
def test_patient_id_in_any_form(patient):
    assert read(body(context={"patientId": patient})).context.patient_id == "17"


def test_the_patient_at_the_top_as_before_1_0():
    request = read(body(context={}) | {"patient": "f301", "userId": "Practitioner/1"})
    assert (request.context.patient_id, request.context.user_id) == ("f301", "Practitioner/1")


def test_r1_unknown_fields_duplicates_and_extensions_are_tolerated():
    text = json.dumps(body(extension={"com.example": {"a": 1}}, surprise=[1])).encode()
    request = read(text.replace(b'"hook":', b'"hook": "order-sign", "hook":'))
    assert request.hook == "patient-view"
    assert request.as_of is None


def test_as_of():
    assert read(body(extension={"org.osteohooks.as-of": "2026-11-21"})).as_of == date(2026, 11, 21)


def test_r3_the_token_is_never_printed():
    token = {"access_token": "s3cret", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    request = read(
        body(fhirServer="https://x.example", fhirAuthorization=token, prefetch={"patient": {"id": "p-value"}})
    )
    assert request.authorization.access_token == "s3cret"
    assert "s3cret" not in repr(request) + str(request.authorization) + f"{request.authorization!r}"
    assert "17" not in repr(request)
    assert isinstance(request.authorization, Authorization)


def test_r3_an_unusable_authorization_does_not_cost_the_cards():
    assert read(body(fhirAuthorization={"token_type": "Bearer"})).authorization is None
    assert read(body(fhirAuthorization="Bearer x")).authorization is None


PATIENT = {"resourceType": "Patient", "id": "17"}
LABS = {"resourceType": "Bundle", "total": 1, "entry": [{"resource": {"resourceType": "Observation", "id": "a"}}]}


def came(request):
    """Key -> the ids under it and why they may not be all."""
    return {
        key: ([json.loads(bytes(one.raw))["id"] for one in contents.supplied], contents.gap)
        for key, contents in request.prefetch.items()
    }


def test_the_usual_prefetch_is_cut_into_resources():
    sent = {"patient": PATIENT, "labs": LABS, "conditions": None, "service-requests": {"resourceType": "Bundle"}}
    assert came(read(body(prefetch=sent))) == {
        "patient": (["17"], None),
        "labs": (["a"], None),
        "conditions": ([], "null from client"),
        "service-requests": ([], None),
    }
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    assert came(read(body(prefetch={"labs": error, "encounter": None}))) == {
        "labs": ([], "client error"),
        "encounter": ([], "null from client"),
    }


@pytest.mark.parametrize(
    ("key", "value", "ids"),
    [
        ("chart", LABS, ["a"]),  # a key of the client's own making
        ("conditions", {"resourceType": "Condition", "id": "c"}, ["c"]),  # one resource where a search was asked for
        ("patient", {"resourceType": "Bundle", "entry": [{"resource": PATIENT}]}, ["17"]),  # and the other way round
        ("conditions", {"resourceType": "Bundle", "total": "1", "entry": [{"resource": PATIENT}]}, ["17"]),
        ("conditions", {"resourceType": "Bundle", "link": 5, "entry": [7, {"resource": PATIENT}]}, ["17"]),
    ],
    ids=str,
)
def test_any_other_prefetch_is_read_as_well(key, value, ids):
    """What one key holds changes nothing for the others."""
    found = came(read(body(prefetch={"labs": LABS, key: value})))
    assert found["labs"] == (["a"], None)
    assert found[key][0] == ids


@pytest.mark.parametrize("name", names())
def test_both_ways_of_reading_a_prefetch_find_the_same(name):
    """An example is read in one pass; with one key more, which no template has, everything is read from its bytes."""
    example = json.loads(request_of(name))
    usual = read(example).prefetch
    any_way = read(example | {"prefetch": example["prefetch"] | {"more": None}}).prefetch
    assert any_way.pop("more").gap == "null from client"
    assert any_way == usual
    assert any(contents.supplied for contents in usual.values())
