"""Hook calls (cds-hooks R1-R6, P3-P6, C1-C10): from a request to its cards."""

import gzip
import json

import pytest


def cards(response):
    assert response.status_code == 200, response.text
    return response.get_json()["cards"]


def topics(response):
    return [card["source"]["topic"]["code"] for card in cards(response)]


def evaluation(response):
    return response.get_json()["extension"]["org.osteohooks.evaluation"]


def refusal(response):
    body = response.get_json()
    assert response.mimetype == "application/fhir+json"
    assert body["resourceType"] == "OperationOutcome"
    return body["issue"][0]


@pytest.fixture
def call(client, example):
    def call(path=example.mirels, *, headers=None, **more):
        return client.post(path, json=example.request(**more), headers=headers)

    return call


@pytest.fixture
def high(complete, example):
    """The prefetch of a patient with Mirels 12."""
    return complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))


def test_c1_a_card_for_what_is_found(call, high):
    response = call(prefetch=high)
    (card,) = [card for card in cards(response) if card["source"]["topic"]["code"] == "mirels"]
    assert card["indicator"] == "warning"
    assert evaluation(response)["asOf"] == "2026-11-21"
    assert "mirels" in evaluation(response)["evaluated"]


def test_c1_no_card_is_an_empty_list(call, complete):
    response = call(prefetch=complete())
    assert response.get_json()["cards"] == []
    assert "mirels" in evaluation(response)["silent"]


def test_c2_one_sentence_shorter_than_140(call, high):
    assert 0 < len(cards(call(prefetch=high))[0]["summary"]) < 140


@pytest.mark.parametrize(("asked", "language", "word"), [("zh-CN", "zh-Hans", "骨折"), ("en-GB", "en", "fracture")])
def test_the_language_of_the_reader(call, high, asked, language, word):
    response = call(prefetch=high, headers={"Accept-Language": asked})
    assert response.headers["Content-Language"] == language
    summaries = {card["source"]["topic"]["code"]: card["summary"] for card in cards(response)}
    assert word in summaries["mirels"]


def test_the_same_call_gives_the_same_cards(call, high):
    assert call(prefetch=high).data == call(prefetch=high).data


def test_an_answer_is_never_cached(call, high):
    assert call(prefetch=high).headers["Cache-Control"] == "no-store"


# --- P3: every way of not coming is a different answer


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "null from client"),
        ({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}, "client error"),
        ({"resourceType": "Bundle", "link": [{"relation": "next", "url": "http://x/2"}]}, "page not followed"),
        ({"resourceType": "Bundle", "total": 9}, "page not followed"),
        ({"some": "thing"}, "unreadable"),
    ],
)
def test_p3_unknown_is_said_and_is_not_none(call, complete, value, why):
    response = call(prefetch=complete(lesions=value))
    assert topics(response) == ["not-evaluated"]
    (entry,) = [entry for entry in evaluation(response)["notEvaluated"] if entry["advisory"] == "mirels"]
    assert {miss["why"] for miss in entry["missing"]} == {why}


def test_p3_a_missing_key_is_not_supplied(call, complete):
    prefetch = complete()
    del prefetch["lesions"]
    response = call(prefetch=prefetch)
    assert topics(response) == ["not-evaluated"]
    whys = {miss["why"] for entry in evaluation(response)["notEvaluated"] for miss in entry["missing"]}
    assert whys == {"not supplied"}


@pytest.mark.parametrize("kind", ["searchset", "collection", None])
def test_p3_an_empty_bundle_is_no_data(call, complete, kind):
    bundle = {"resourceType": "Bundle"} | ({"type": kind} if kind else {})
    assert topics(call(prefetch=complete(lesions=bundle))) == []


def test_p3_one_resource_where_a_search_was_asked_is_read_but_may_not_be_all(call, complete, example):
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.lesion)
    assert "mirels" in topics(call(prefetch=prefetch))
    harmless = example.lesion | {"component": []}
    assert topics(call(prefetch=complete(lesions=harmless))) == ["not-evaluated"]


def test_p3_no_encounter_is_no_gap(call, complete):
    assert "encounter" not in complete()
    assert topics(call(prefetch=complete())) == []
    assert topics(call(prefetch=complete(encounter=None))) == []


def test_p6_resources_under_other_keys_are_read_but_answer_no_key(call, complete, example):
    """Ruling 42."""
    prefetch = complete(conditions=example.searchset(example.metastasis), chart=example.searchset(example.lesion))
    assert "mirels" in topics(call(prefetch=prefetch))
    del prefetch["lesions"], prefetch["chart"]
    prefetch["chart"] = example.searchset()
    assert topics(call(prefetch=prefetch)) == ["not-evaluated"]


# --- C10: 412 only when nothing at all can be evaluated


def test_c10_412_names_keys_and_templates(call):
    response = call()
    issue = refusal(response)
    assert response.status_code == 412
    assert issue["code"] == "required"
    assert "prefetch.lesions" in issue["expression"]
    assert "lesions (not supplied): Observation?patient={{context.patientId}}" in issue["diagnostics"]


def test_c10_412_when_every_key_is_an_error(call, complete):
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    assert call(prefetch={key: error for key in complete()}).status_code == 412


def test_c10_a_client_that_says_no_data_is_answered(call, complete):
    assert topics(call(prefetch={key: None for key in complete()})) == ["not-evaluated"]


def test_c10_drafts_alone_are_something(client, example):
    request = example.request("order-sign", context={"draftOrders": example.searchset({"resourceType": "Task"})})
    assert client.post("/cds-services/fracture-risk-order-sign", json=request).status_code == 200


def test_c10_strict_412(serve, complete, example):
    strict = serve(fhir__strict_412="true", server__allow_as_of="true")
    prefetch = complete()
    assert strict.post(example.mirels, json=example.request(prefetch=prefetch)).status_code == 200
    del prefetch["lesions"]
    response = strict.post(example.mirels, json=example.request(prefetch=prefetch))
    assert response.status_code == 412
    assert refusal(response)["expression"] == ["prefetch.lesions"]


# --- Patients


def test_g8_another_patients_record_silences_the_call(call, complete, example):
    """Ruling 36."""
    other = example.patient | {"id": "18"}
    response = call(prefetch=complete(patient=other, lesions=example.searchset(example.lesion)))
    assert topics(response) == ["patient-mismatch"]
    assert evaluation(response)["gate"] == "patient mismatch"


def test_g8_in_chinese(call, complete, example):
    response = call(prefetch=complete(patient=example.patient | {"id": "18"}), headers={"Accept-Language": "zh"})
    assert "患者" in cards(response)[0]["summary"]


def test_36_a_resource_of_another_patient_is_skipped_and_named(call, complete, example):
    other = example.lesion | {"id": "other", "subject": {"reference": "Patient/18"}}
    response = call(prefetch=complete(lesions=example.searchset(other)))
    assert topics(response) == []
    assert {"resource": "Observation/other", "why": "another patient"} in evaluation(response)["skipped"]


def test_r6_a_bad_resource_never_fails_the_call(call, complete, example):
    bad = example.lesion | {"id": "bad", "component": "none"}
    response = call(
        prefetch=complete(
            conditions=example.searchset(example.metastasis), lesions=example.searchset(bad, example.lesion)
        )
    )
    assert "mirels" in topics(response)
    assert evaluation(response)["skipped"] == [
        {"resource": "Observation/bad", "why": "unreadable", "element": "component"}
    ]


# --- As of (ruling 52)


def test_52_an_as_of_that_is_not_allowed_is_ignored_and_named(serve, complete, example):
    request = example.request(prefetch=complete(), extension={"org.osteohooks.as-of": "2020-02-02"})
    told = evaluation(serve().post(example.mirels, json=request))
    assert told["asOf"] != "2020-02-02"
    assert told["ignored"] == [{"extension": "org.osteohooks.as-of", "why": "server.allow_as_of is false"}]


def test_52_an_as_of_that_is_allowed_counts(call, complete):
    response = call(prefetch=complete(), extension={"org.osteohooks.as-of": "2026-06-01"})
    assert evaluation(response)["asOf"] == "2026-06-01"


# --- R1-R4, C10: what is refused


def test_r4_the_wrong_hook_for_the_service(client, example):
    response = client.post(example.mirels, json=example.request("encounter-discharge"))
    assert (response.status_code, refusal(response)["expression"]) == (400, ["hook"])
    assert "patient-view" in refusal(response)["diagnostics"]


@pytest.mark.parametrize("field", ["hook", "hookInstance", "context"])
def test_r1_a_missing_field_is_named(client, example, field):
    request = example.request()
    del request[field]
    response = client.post(example.mirels, json=request)
    assert (response.status_code, refusal(response)["expression"]) == (400, [field])


@pytest.mark.parametrize(
    "body", [b"", b"nope", b"[1]", b'{"hook":' + b"[" * 100_000, b'{"a": NaN}', b"\xff\xfe{"], ids=range(6)
)
def test_r1_what_is_not_a_request(client, example, body):
    response = client.post(example.mirels, data=body, content_type="application/json")
    assert response.status_code == 400
    assert refusal(response)["diagnostics"]


def test_c10_an_unknown_service(client, example):
    response = client.post("/cds-services/nothing-patient-view", json=example.request())
    assert (response.status_code, refusal(response)["code"]) == (404, "not-found")


def test_c10_a_method_that_is_not_served(client, example):
    response = client.get(example.mirels)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert refusal(response)["severity"] == "error"


def test_c10_what_is_not_json(client, example):
    response = client.post(example.mirels, data="<xml/>", content_type="text/xml")
    assert (response.status_code, refusal(response)["expression"]) == (415, ["Content-Type"])
    response = client.post(
        example.mirels, data=b"{}", headers={"Content-Encoding": "br"}, content_type="application/json"
    )
    assert (response.status_code, refusal(response)["expression"]) == (415, ["Content-Encoding"])


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/fhir+json", "application/json+fhir"]
)
def test_every_spelling_of_json(client, example, high, kind):
    response = client.post(example.mirels, data=json.dumps(example.request(prefetch=high)), content_type=kind)
    assert response.status_code == 200


def test_c10_a_body_that_is_too_long(serve, example):
    small = serve(server__max_body_bytes="2000")
    response = small.post(example.mirels, data=b" " * 2001, content_type="application/json")
    assert (response.status_code, refusal(response)["code"]) == (413, "too-long")


def test_c10_a_chunked_body_that_is_too_long(serve, example):
    """No Content-Length: the body ends where the server says so. Nothing may be cut off silently."""
    from io import BytesIO

    small = serve(server__max_body_bytes="2000")
    body = json.dumps(example.request()).encode()
    for length, status in ((2000, 412), (2001, 413)):
        response = small.post(
            example.mirels,
            input_stream=BytesIO(body + b" " * (length - len(body))),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )
        assert response.status_code == status


def test_gzip_is_accepted_and_bounded(serve, client, example, high):
    body = gzip.compress(json.dumps(example.request(prefetch=high)).encode())
    sent = {"content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}
    assert "mirels" in topics(client.post(example.mirels, data=body, **sent))
    assert client.post(example.mirels, data=body[:-9], **sent).status_code == 400
    assert client.post(example.mirels, data=b"plain", **sent).status_code == 400
    small = serve(server__max_body_bytes="2000")
    assert small.post(example.mirels, data=gzip.compress(b" " * 2001), **sent).status_code == 413


def test_c10_a_defect_is_told_without_what_it_was_about(serve, example, high, monkeypatch, caplog):
    def broken(*_, **__):
        raise ValueError("birthDate 1961-02-03")

    client = serve(server__allow_as_of="true")
    monkeypatch.setattr("cds_service.advisor.read_chart", broken)
    response = client.post(example.mirels, json=example.request(prefetch=high))
    assert (response.status_code, refusal(response)["code"]) == (500, "exception")
    assert "1961" not in response.text + caplog.text
    assert "ValueError at broken" in caplog.text


def test_no_error_holds_a_patients_value(client, example):
    request = example.request(prefetch={"patient": 1961}, context={"patientId": "very secret name?"})
    response = client.post(example.mirels, json=request)
    assert response.status_code == 400
    assert "secret" not in response.text


@pytest.mark.parametrize("status", [400, 401, 404, 405, 412, 413, 415, 422, 429, 500, 503])
def test_every_refusal_is_a_valid_operation_outcome(status):
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    from cds_service.errors import outcome

    told = OperationOutcome.model_validate(outcome(status, "what is wrong", "context.patientId"))
    assert told.issue[0].expression == ["context.patientId"]
