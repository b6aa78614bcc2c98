"""Everything a FHIR server can do wrong: the call ends in time, says what it does not know, and nothing leaks.

The one timed promise of the service is tested here: a call ends within its deadline plus a fifth.
"""

import json
import logging
import socket
import threading
import time

import pytest

from tests import fhir_server as ways

DEADLINE_MS = 1500
TOKEN = "token-of-the-clinician-7f3a"
OF_ANOTHER = {
    "resourceType": "Observation",
    "id": "of-another",
    "status": "final",
    "subject": {"reference": "Patient/18"},
    "code": {"coding": [{"system": "https://osteohooks.org/fhir/CodeSystem/bone-metastasis", "code": "bone-lesion"}]},
}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}

# What the server does when it is asked for lesions, what the card says of it, what the log says of it.
FAULTS = {
    "slow": (ways.never, "deadline", "deadline"),
    "drips its body": (ways.drip_body, "deadline", "deadline"),
    "drips its headers": (ways.drip_headers, "deadline", "deadline"),
    "401": (ways.body(OUTCOME, 401), "fetch failed", "status 401"),
    "403": (ways.body(OUTCOME, 403), "fetch failed", "status 403"),
    "404": (ways.body(OUTCOME, 404), "fetch failed", "status 404"),
    "429": (ways.body(OUTCOME, 429, Retry_After="30"), "fetch failed", "status 429"),
    "500": (ways.body(b"<html>oh no</html>", 500), "fetch failed", "status 500"),
    "503": (ways.body(OUTCOME, 503, Retry_After="30"), "fetch failed", "status 503"),
    "204": (ways.body(b"", 204), "fetch failed", "status 204"),
    "an OperationOutcome": (ways.body(OUTCOME), "fetch failed", "OperationOutcome"),
    "an error among the matches": (ways.found(OUTCOME), "fetch failed", "fetch failed"),
    "HTML": (ways.body(b"<html>please sign in</html>"), "unreadable", "not FHIR JSON"),
    "broken JSON": (ways.body(b'{"resourceType": "Bundle", "entry": [}'), "unreadable", "not FHIR JSON"),
    "nothing at all": (ways.body(b""), "unreadable", "not FHIR JSON"),
    "truncated": (ways.cut_short, "fetch failed", "broken off"),
    "truncated in chunks": (ways.cut_chunks, "fetch failed", "broken off"),
    "torn down half-way": (ways.reset, "fetch failed", "broken off"),
    "hangs up": (ways.hang_up, "fetch failed", "no connection"),
    "no HTTP": (ways.gibberish, "fetch failed", "no connection"),
    "false gzip": (ways.body(b"{}", Content_Encoding="gzip"), "fetch failed", "broken off"),
    "a patient, not a Bundle": (ways.body(ways.PATIENT), "unreadable", "wrong resource type"),
    "patients in the Bundle": (ways.found(ways.PATIENT), "unreadable", "wrong resource type"),
    "a bare list": (ways.body(b"[]"), "unreadable", "not FHIR JSON"),
    "another patient's data": (ways.found(OF_ANOTHER), "fetch failed", "another patient's data"),
    "endless pages": (ways.endless, "page not followed", "more pages than fhir.max_pages"),
    "too large": (ways.body(b" " * 300_000), "fetch failed", "too large"),
    "too large when inflated": (ways.inflating(30_000_000), "fetch failed", "too large"),
}


@pytest.fixture
def client(serve):
    return serve(
        server__deadline_ms=str(DEADLINE_MS),
        server__max_body_bytes="200000",
        server__allow_as_of="true",
        fhir__timeout_ms="60000",  # so that it is the deadline that is tested
    )


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


@pytest.fixture
def ask(client, example, caplog):
    """Posts a call and checks what always holds: the time, the body, the silence about token and patient."""

    def ask(fhir_server: str, **more):
        caplog.set_level(logging.DEBUG)
        request = example.request(fhirServer=fhir_server, **more) | {
            "fhirAuthorization": {
                "access_token": TOKEN,
                "token_type": "Bearer",
                "scope": "patient/*.rs",
                "subject": "x",
            }
        }
        begun = time.monotonic()
        response = client.post(example.mirels, json=request)
        assert time.monotonic() - begun < DEADLINE_MS / 1000 * 1.2
        json.loads(response.data)
        assert TOKEN not in response.text + repr(response.headers) + caplog.text
        assert "patient=17" not in caplog.text and "Patient/17" not in caplog.text  # a suggestion names its subject
        return response

    return ask


@pytest.fixture
def without_lesions(complete, example):
    prefetch = complete(conditions=example.searchset(example.metastasis))
    del prefetch["lesions"]
    return prefetch


def evaluation(response):
    assert response.status_code == 200, response.text
    return response.get_json()["extension"]["org.osteohooks.evaluation"]


def why_mirels(response):
    """Why Mirels was not evaluated; absence would make it evaluated and silent."""
    told = evaluation(response)
    assert "not-evaluated" in [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]
    (entry,) = [entry for entry in told["notEvaluated"] if entry["advisory"] == "mirels"]
    return {missing["why"] for missing in entry["missing"]}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_key_fails(server, ask, without_lesions, caplog, fault):
    way, why, cause = FAULTS[fault]
    response = ask(server.on("Observation", way).base, prefetch=without_lesions)
    assert why_mirels(response) == {why}
    assert evaluation(response)["notFetched"] == [{"key": "lesions", "why": why, "cause": cause}]
    reason = why if why == cause else f"{why} ({cause})"
    assert f"not fetched, {reason}: lesions" in caplog.text


@pytest.mark.parametrize("fault", FAULTS)
def test_every_key_fails(server, ask, fault):
    server.otherwise = FAULTS[fault][0]
    response = ask(server.base)
    assert response.status_code in (200, 412)
    if response.status_code == 200:
        assert why_mirels(response)
    else:
        issue = response.get_json()["issue"][0]
        assert "prefetch.lesions" in issue["expression"]


def test_refusing(ask, without_lesions):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and nobody listens
        base = f"http://127.0.0.1:{closed.getsockname()[1]}/r4"
        response = ask(base, prefetch=without_lesions)
    assert why_mirels(response) == {"fetch failed"}
    assert evaluation(response)["notFetched"][0]["cause"] == "no connection"


def test_a_redirect_to_another_host(server, ask, without_lesions):
    other = ways.FhirServer()
    server.on("Observation", ways.body(b"", 302, Location=f"{other.base}/Observation?patient=17"))
    response = ask(server.base, prefetch=without_lesions)
    assert why_mirels(response) == {"fetch failed"}
    assert evaluation(response)["notFetched"][0]["cause"] == "redirect"
    assert other.asked == []
    other.close()


@pytest.mark.parametrize("sent_along", [False, True])
def test_a_next_link_to_another_host(server, ask, complete, without_lesions, example, sent_along):
    other = ways.FhirServer()
    following = ways.searchset(following=f"{other.base}/Observation?page=2")
    prefetch = complete(lesions=following) if sent_along else without_lesions
    response = ask(server.on("Observation", ways.body(following)).base, prefetch=prefetch)
    assert why_mirels(response) == {"page not followed"}
    assert evaluation(response)["notFetched"][0]["cause"] == "address outside fhirServer"
    assert other.asked == []
    other.close()


def test_the_read_of_another_patient_silences_the_call(server, ask, without_lesions):
    del without_lesions["patient"]
    server.on("Patient", ways.body(ways.PATIENT | {"id": "18"}))
    response = ask(server.base, prefetch=without_lesions)
    assert [card["source"]["topic"]["code"] for card in response.get_json()["cards"]] == ["patient-mismatch"]


def test_what_is_known_by_the_deadline_is_answered(server, ask, complete, example):
    """One key never comes; the card that does not need it does."""
    prefetch = complete(conditions=example.searchset(example.metastasis))
    del prefetch["lesions"], prefetch["procedures"]
    server.on("Observation", ways.found(example.lesion)).on("Procedure", ways.never)
    response = ask(server.base, prefetch=prefetch)
    assert "mirels" in [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]
    assert evaluation(response)["notFetched"] == [{"key": "procedures", "why": "deadline", "cause": "deadline"}]


def test_pages_that_came_before_the_deadline_count(server, ask, without_lesions, example):
    def first_page_only(handler):
        if "page=" in handler.path:
            ways.never(handler)
        else:
            handler.say(ways.searchset([example.lesion], following=f"{server.base}/Observation?page=1"))

    response = ask(server.on("Observation", first_page_only).base, prefetch=without_lesions)
    assert "mirels" in [card["source"]["topic"]["code"] for card in response.get_json()["cards"]]
    assert evaluation(response)["notFetched"] == [{"key": "lesions", "why": "deadline", "cause": "deadline"}]


@pytest.mark.parametrize("drip", [ways.drip_body, ways.drip_headers])
def test_at_the_deadline_the_service_hangs_up(server, ask, without_lesions, drip):
    """Or each call to such a server would keep a thread for as long as it drips."""
    hung_up = threading.Event()

    def until_hung_up(handler):
        try:
            drip(handler)
        finally:
            if not server.closing.is_set():
                hung_up.set()

    ask(server.on("Observation", until_hung_up).base, prefetch=without_lesions)
    assert hung_up.wait(10)
