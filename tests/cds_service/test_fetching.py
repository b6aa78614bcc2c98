"""Fetching what a call lacks (cds-hooks P3, P5, P7, P8): what is asked, what counts as all, what a failure leaves."""

import logging
import threading

import msgspec
import pytest

from cds_service.fetching import Fetched, FetchReport
from cds_service.referenced import unresolved
from cds_service.request import Authorization, read_request
from fhir_mappings.reading import look
from tests import fhir_server as ways

TOKEN = {"access_token": "the-token", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


@pytest.fixture
def call(client, server, example):
    def call(path=example.mirels, hook="patient-view", *, on=client, **more):
        return on.post(path, json=example.request(hook, fhirServer=server.base, fhirAuthorization=TOKEN) | more)

    return call


def topics(response):
    assert response.status_code == 200, response.text
    return [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]


def evaluation(response):
    return response.get_json()["extension"]["org.osteohooks.evaluation"]


@pytest.fixture
def lacking(complete, example):
    """A prefetch without some keys, of a patient with a metastasis."""

    def lacking(*keys):
        prefetch = complete(conditions=example.searchset(example.metastasis))
        return {key: value for key, value in prefetch.items() if key not in keys}

    return lacking


# --- P3, P8: what is asked


def test_p3_what_is_missing_is_fetched(call, server, example):
    server.on("Condition", ways.found(example.metastasis)).on("Observation", ways.found(example.lesion))
    response = call()
    assert "mirels" in topics(response)
    assert "notFetched" not in evaluation(response)


def test_p3_the_templates_are_asked_and_nothing_else(call, server, client):
    call()
    entries = client.get("/cds-services").get_json()["services"]
    wanted = next(entry["prefetch"] for entry in entries if entry["id"] == "fracture-risk-patient-view")
    filled = {key: text.replace("{{context.patientId}}", "17") for key, text in wanted.items() if key != "encounter"}
    asked = sorted(path.removeprefix("/r4/").replace("%7C", "|") for path, _ in server.asked)
    assert asked == sorted(filled.values())


def test_p8_every_request_bears_the_token(call, server):
    call()
    for _, headers in server.asked:
        assert headers["Authorization"] == "Bearer the-token"
        assert headers["Accept"] == "application/fhir+json"


def test_p8_a_server_that_is_open_is_asked_without_one(client, server, example):
    client.post(example.mirels, json=example.request(fhirServer=server.base))
    assert server.asked
    assert all("Authorization" not in headers for _, headers in server.asked)


def test_p3_a_fetch_that_finds_nothing_is_known_absence(call, server, lacking):
    """Ruling 40."""
    response = call(prefetch=lacking("lesions"))
    assert server.kinds() == ["Observation"]
    assert "mirels" in evaluation(response)["silent"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "null from client"),
        ({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}, "client error"),
        ({"resourceType": "Bundle", "total": 9}, "page not followed"),
    ],
)
def test_p3_an_answer_of_the_client_is_not_asked_again(call, server, lacking, value, why):
    response = call(prefetch=lacking() | {"lesions": value})
    assert server.asked == []
    (entry,) = [entry for entry in evaluation(response)["notEvaluated"] if entry["advisory"] == "mirels"]
    assert entry["missing"][0]["why"] == why


def test_p3_an_empty_bundle_is_an_answer(call, server, lacking):
    assert "mirels" in evaluation(call(prefetch=lacking()))["silent"]
    assert server.asked == []


def test_p3_without_a_server_nothing_is_fetched(client, server, lacking, example):
    response = client.post(example.mirels, json=example.request(prefetch=lacking("lesions")))
    assert "notFetched" not in evaluation(response)
    assert server.asked == []


def test_p3_an_encounter_is_fetched_when_there_is_one(call, server, lacking, example):
    call(prefetch=lacking())
    assert server.asked == []
    server.on("Encounter", ways.body({"resourceType": "Encounter", "id": "e1", "status": "in-progress"}))
    response = call(prefetch=lacking(), context=example.request()["context"] | {"encounterId": "e1"})
    assert [path for path, _ in server.asked] == ["/r4/Encounter/e1"]
    assert "notFetched" not in evaluation(response)


def test_p3_a_read_that_finds_nothing_is_a_failure(call, lacking, example):
    response = call(prefetch=lacking(), context=example.request()["context"] | {"encounterId": "gone"})
    assert evaluation(response)["notFetched"] == [{"key": "encounter", "why": "fetch failed", "cause": "status 404"}]


def test_a_context_value_cannot_change_the_question(call, server, lacking, example):
    """An id is one step of an address, whatever it holds."""
    context = example.request()["context"] | {"patientId": "17%26_include=*"}
    call(prefetch=lacking("lesions"), context=context)
    (path,) = [path for path, _ in server.asked]
    assert path.startswith("/r4/Observation?patient=17%2526_include%3D%2A&code=")


def test_p7_all_keys_are_asked_at_once(call, server, complete):
    """Nobody is answered before every key has asked."""
    together = threading.Barrier(len(complete()), timeout=5)

    def way(handler):
        together.wait()
        ways.plainly(handler)

    server.otherwise = way
    response = call()
    assert "notFetched" not in evaluation(response)
    assert len(server.asked) == len(complete())


# --- P5: pages


def test_p5_pages_are_followed(call, server, lacking, example):
    server.on("Observation", ways.pages([], [], [example.lesion]))
    response = call(prefetch=lacking("lesions"))
    assert "mirels" in topics(response)
    assert len(server.asked) == 3
    assert all(headers["Authorization"] == "Bearer the-token" for _, headers in server.asked)


def test_p5_the_last_page_makes_it_complete(call, server, lacking):
    server.on("Observation", ways.pages([], [], []))
    assert "mirels" in evaluation(call(prefetch=lacking("lesions")))["silent"]


def test_p5_the_next_page_of_a_prefetch_is_followed(call, server, lacking, example):
    server.on("Observation", ways.pages([], [example.lesion]))
    sent = ways.searchset(following=f"{server.base}/Observation?page=1")
    response = call(prefetch=lacking() | {"lesions": sent})
    assert [path for path, _ in server.asked] == ["/r4/Observation?page=1"]
    assert "mirels" in topics(response)
    assert "notEvaluated" not in evaluation(response)


@pytest.mark.parametrize(
    "link", ["{base}?_getpages=1", "?_getpages=1", "Observation?page=1", "{base}/Observation?page=1"]
)
def test_p5_every_spelling_of_a_next_link(call, server, lacking, link):
    server.on("", ways.found())
    sent = ways.searchset(following=link.format(base=server.base))
    response = call(prefetch=lacking() | {"lesions": sent})
    assert len(server.asked) == 1
    assert "mirels" in evaluation(response)["silent"]


def test_p5_a_page_that_fails_leaves_what_came(call, server, lacking, example):
    sent = ways.searchset([example.lesion], following=f"{server.base}/Observation?page=1")
    server.on("Observation", ways.body(b"", 500))
    response = call(prefetch=lacking() | {"lesions": sent})
    assert "mirels" in topics(response)
    assert evaluation(response)["notFetched"] == [{"key": "lesions", "why": "page not followed", "cause": "status 500"}]


@pytest.mark.parametrize(("limit", "asked", "whole"), [(3, 3, True), (2, 2, False)])
def test_p5_no_more_pages_than_the_setting(serve, call, server, lacking, limit, asked, whole):
    server.on("Observation", ways.pages([], [], []))
    on = serve(fhir__max_pages=str(limit), server__allow_as_of="true")
    told = evaluation(call(on=on, prefetch=lacking("lesions")))
    assert len(server.asked) == asked
    assert ("mirels" in told.get("silent", [])) == whole


def test_p5_the_page_that_came_with_the_call_counts(serve, call, server, lacking):
    on = serve(fhir__max_pages="1", server__allow_as_of="true")
    sent = ways.searchset(following=f"{server.base}/Observation?page=1")
    told = evaluation(call(on=on, prefetch=lacking() | {"lesions": sent}))
    assert server.asked == []
    assert told["notFetched"][0]["cause"] == "more pages than fhir.max_pages"


def test_p5_pages_in_a_circle(call, server, lacking):
    server.on("Observation", ways.found(following=f"{server.base}/Observation?page=1"))
    told = evaluation(call(prefetch=lacking("lesions")))
    assert len(server.asked) == 2  # the search, and the page that names itself as the next one
    assert told["notFetched"][0]["cause"] == "pages go in a circle"


@pytest.mark.parametrize(("total", "whole"), [(1, True), (2, False)])
def test_p5_a_total_that_was_not_reached(call, server, lacking, example, total, whole):
    """One match on two pages: with a total of 2 something is not here, though no page is left."""
    harmless = example.lesion | {"component": []}
    server.on("Observation", ways.pages([], [harmless], total=total))
    told = evaluation(call(prefetch=lacking("lesions")))
    assert told.get("notFetched", []) == (
        [] if whole else [{"key": "lesions", "why": "page not followed", "cause": "page not followed"}]
    )


# --- Failures: one stays one


def test_one_failure_leaves_the_others(call, server, example):
    server.on("Condition", ways.found(example.metastasis)).on("Observation", ways.found(example.lesion))
    server.on("Procedure", ways.body(b"", 500))
    response = call()
    assert "mirels" in topics(response)
    assert evaluation(response)["notFetched"] == [{"key": "procedures", "why": "fetch failed", "cause": "status 500"}]


def test_c10_412_names_the_keys_when_nothing_came(call, server):
    server.otherwise = ways.body(b"", 401)
    response = call()
    (issue,) = response.get_json()["issue"]
    assert (response.status_code, issue["code"]) == (412, "required")
    assert "prefetch.lesions" in issue["expression"]
    assert "lesions (fetch failed, status 401): Observation?patient={{context.patientId}}" in issue["diagnostics"]


def test_c10_strict_412_when_a_needed_key_could_not_be_fetched(serve, call, server, lacking):
    strict = serve(fhir__strict_412="true", server__allow_as_of="true")
    assert call(on=strict, prefetch=lacking("lesions")).status_code == 200
    server.on("Observation", ways.body(b"", 401))
    response = call(on=strict, prefetch=lacking("lesions"))
    assert response.status_code == 412
    assert response.get_json()["issue"][0]["expression"] == ["prefetch.lesions"]


def test_a_connection_that_was_closed_meanwhile_is_made_again(call, server, lacking):
    server.on("Observation", ways.hang_up_once())
    assert "mirels" in evaluation(call(prefetch=lacking("lesions")))["silent"]
    assert server.kinds() == ["Observation", "Observation"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_is_not_asked_for_again(call, server, lacking, status):
    server.on("Observation", ways.body(b"", status, Retry_After="0"))
    call(prefetch=lacking("lesions"))
    assert server.kinds() == ["Observation"]


def test_connections_are_kept(call, server, lacking):
    for _ in range(5):
        call(prefetch=lacking("lesions"))
    assert (len(server.asked), len(server.ports)) == (5, 1)


def test_what_is_zipped_is_read(call, server, lacking, example):
    server.on("Observation", ways.zipped(ways.searchset([example.lesion])))
    assert "mirels" in topics(call(prefetch=lacking("lesions")))
    assert server.asked[0][1]["Accept-Encoding"] == "gzip"


def test_a_call_fetches_no_more_than_a_client_may_send(serve, call, server, lacking):
    """10,000 bytes in all: one answer of 6,000 comes through, of two the second does not."""
    on = serve(server__max_body_bytes="10000", server__allow_as_of="true")
    padded = msgspec.json.encode(ways.searchset()) + b" " * 6000
    server.on("Observation", ways.body(padded)).on("Procedure", ways.body(padded))
    sent = {"patient": lacking()["patient"]}
    assert "notFetched" not in evaluation(call(on=on, prefetch=lacking("lesions") | sent))
    (failure,) = evaluation(call(on=on, prefetch=lacking("lesions", "procedures")))["notFetched"]
    assert failure["cause"] == "too large"


# --- Referenced Medications


GIVEN = {
    "resourceType": "MedicationAdministration",
    "id": "dose",
    "status": "completed",
    "subject": {"reference": "Patient/17"},
    "effectiveDateTime": "2026-05-01",
}
DENOSUMAB = {
    "resourceType": "Medication",
    "id": "d",
    "code": {"coding": [{"system": "http://www.whocc.no/atc", "code": "M05BX04"}]},
}
INTERVAL = "/cds-services/bone-modifying-agents-patient-view"


def referring(reference, **more):
    return GIVEN | {"medicationReference": {"reference": reference}} | more


@pytest.fixture
def doses(call, complete, example):
    def doses(*administrations, **more):
        prefetch = complete(
            "bone-modifying-agents-patient-view",
            conditions=example.searchset(example.metastasis),
            medication_administrations=example.searchset(*administrations),
        )
        return call(INTERVAL, prefetch=prefetch, **more)

    return doses


@pytest.mark.parametrize("reference", ["Medication/d", "{base}/Medication/d", "Medication/d/_history/3"])
def test_a_referenced_medication_is_fetched(doses, server, reference):
    """A dose 204 days ago (1 May to 21 November) of a drug that only its Medication tells."""
    silent = topics(doses(GIVEN | {"medicationCodeableConcept": {"text": "?"}}))
    response = doses(referring(reference.format(base=server.on("Medication", ways.body(DENOSUMAB)).base)))
    assert [path for path, _ in server.asked] == ["/r4/Medication/d"]
    assert set(topics(response)) - set(silent)


def test_a_medication_that_is_here_is_not_fetched(doses, server):
    doses(referring("Medication/d"), DENOSUMAB)
    assert server.asked == []


@pytest.mark.parametrize("reference", ["#d", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "Substance/d"])
def test_what_came_along_is_not_fetched(doses, server, reference):
    assert "notFetched" not in evaluation(doses(referring(reference)))
    assert server.asked == []


def test_a_medication_on_another_server_is_not_fetched(doses, server):
    told = evaluation(doses(referring("https://other.example/r4/Medication/d")))
    assert told["notFetched"][0]["cause"] == "address outside fhirServer"
    assert server.asked == []


def test_a_medication_that_does_not_come_leaves_its_drug_unknown(doses, server):
    told = evaluation(doses(referring("Medication/gone")))
    assert told["notFetched"] == [{"key": "Medication", "why": "fetch failed", "cause": "status 404"}]
    assert {"resource": "MedicationAdministration/dose", "why": "unreadable", "element": "medicationReference"} in told[
        "skipped"
    ]


def test_not_every_medication_of_a_long_life_is_fetched(doses, server):
    doses(*(referring(f"Medication/{number}", id=f"dose-{number}") for number in range(40)))
    assert len(server.asked) == 32


def test_a_drafts_medication_is_fetched(call, server, complete, example):
    server.on("Medication", ways.body(DENOSUMAB))
    draft = {
        "resourceType": "MedicationRequest",
        "id": "draft",
        "status": "draft",
        "subject": {"reference": "Patient/17"},
        "medicationReference": {"reference": "Medication/d"},
    }
    call(
        "/cds-services/bone-modifying-agents-order-sign",
        "order-sign",
        prefetch=complete("bone-modifying-agents-order-sign"),
        context=example.request(context={"draftOrders": example.searchset(draft)})["context"],
    )
    assert [path for path, _ in server.asked] == ["/r4/Medication/d"]


def test_services_without_drugs_ask_for_none(call, server, lacking, example):
    call(prefetch=lacking() | {"more": example.searchset(referring("Medication/d"))})
    assert server.asked == []


def test_a_medication_is_known_by_its_full_url():
    def supplied(resource, full_url=None):
        return look(msgspec.Raw(msgspec.json.encode(resource)), full_url)

    one = supplied(referring("https://x.example/Medication/d"))
    assert unresolved([one]) == ["https://x.example/Medication/d"]
    assert unresolved([one, supplied(DENOSUMAB, "https://x.example/Medication/d")]) == []
    r5 = supplied(GIVEN | {"medication": {"reference": {"reference": "Medication/e"}}})
    assert unresolved([r5, r5, supplied([1]), supplied({"resourceType": "MedicationRequest", "medication": 1})]) == [
        "Medication/e"
    ]


# --- The report, and what is never said


def test_what_failed_is_logged_by_reason_without_an_address(call, server, caplog):
    caplog.set_level(logging.DEBUG)
    server.on("Observation", ways.body(b"", 401)).on("Condition", ways.body(b"", 401))
    call()
    assert "not fetched, fetch failed (status 401): conditions, lesions" in [
        record.getMessage() for record in caplog.records
    ]
    assert "localhost" not in caplog.text


def test_a_report_can_be_counted():
    report = FetchReport((Fetched("labs", None, pages=2), Fetched("flags", "deadline", "deadline")))
    assert report.failures() == [{"key": "flags", "why": "deadline", "cause": "deadline"}]


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a b", "", "ü"])
def test_a_token_that_is_none_is_not_sent(client, server, lacking, example, token):
    request = example.request(
        fhirServer=server.base, fhirAuthorization=TOKEN | {"access_token": token}, prefetch=lacking("lesions")
    )
    response = client.post(example.mirels, json=request)
    assert evaluation(response)["notFetched"][0]["cause"] == "unusable token"
    assert server.asked == []


def test_a_token_is_not_printed(example):
    request = read_request(msgspec.json.encode(example.request(fhirServer="https://x", fhirAuthorization=TOKEN)))
    assert isinstance(request.authorization, Authorization)
    assert "the-token" not in repr(request) + repr(request.authorization) + repr([request])


def test_a_defect_of_ours_is_not_taken_for_a_failure_of_the_servers(call, lacking, monkeypatch):
    def broken(*_):
        raise ValueError("a defect")

    monkeypatch.setattr("cds_service.fetching._is_of_another", broken)
    monkeypatch.setattr("cds_service.fetching.read_contents", broken)
    assert call(prefetch=lacking("lesions")).status_code == 500
