"""Prefetch and the client's FHIR server, clause by clause (P1 to P8)."""

import re

import pytest

from cds_service.hooks import HOOKS
from tests import fhir_server as ways
from tests.spec.wire import Answer, OperationOutcome, read

TOKEN = {"access_token": "opaque-7Fq2", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
PREFIXES = "eq|lt|gt|ge|le"


@pytest.fixture
def server():
    server = ways.FhirServer()
    yield server
    server.close()


@pytest.fixture
def services(client):
    return client.get("/cds-services").get_json()["services"]


@pytest.fixture
def call(client, example):
    """The answer to a call with this prefetch, as the specification shapes it."""

    def call(prefetch, **more):
        response = client.post(example.mirels, json=example.request(prefetch=prefetch, **more))
        assert response.status_code == 200, response.text
        return read(response.data, Answer)

    return call


def topics(answer):
    return [card.source.topic.code for card in answer.cards]


def evaluation(answer):
    return answer.extension["org.osteohooks.evaluation"]


def whys(answer):
    return {miss["why"] for one in evaluation(answer).get("notEvaluated", []) for miss in one["missing"]}


# --- P1, P2: the templates


def test_p1_tokens_are_those_the_hook_allows(services):
    """A template uses only context fields that the hook flags as prefetch tokens."""
    for service in services:
        for template in service["prefetch"].values():
            tokens = re.findall(r"{{(.+?)}}", template)
            assert tokens and set(tokens) <= HOOKS[service["hook"]].tokens, template


def test_p2_a_template_is_a_read_or_a_restricted_search(services):
    """Instance read, or type search with reference, token and date parameters, _count and _sort: nothing else."""
    plain = re.compile(
        r"[A-Z]\w+\?patient={{context\.patientId}}"
        r"(&code=[^&{}]+)?"
        rf"(&date=({PREFIXES})[^&]+)?"
        r"(&_sort=-?[a-z-]+)?"
        r"&_count=\d+"
    )
    for service in services:
        for template in service["prefetch"].values():
            assert plain.fullmatch(template) or re.fullmatch(r"[A-Z]\w+/{{context\.\w+}}", template), template


def test_p2_nothing_that_only_some_clients_can(services):
    """No chaining, no _include, no modifier, no FHIRPath: a client that cannot do them would send null."""
    for service in services:
        for template in service["prefetch"].values():
            names = [part.split("=")[0] for part in template.partition("?")[2].split("&")]
            assert not [name for name in names if ":" in name or "." in name or "include" in name]
            assert not re.search(r"{{[^}]*[ ()+|%][^}]*}}", template)


# --- P3: every way of not coming is another answer


ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}


def test_p3_a_missing_key_is_fetched(call, complete, server, example):
    """A key that is not there is looked up on the FHIR server of the call."""
    prefetch = complete(conditions=example.searchset(example.metastasis))
    del prefetch["lesions"]
    server.on("Observation", ways.found(example.lesion))
    assert "mirels" in topics(call(prefetch, fhirServer=server.base))


@pytest.mark.parametrize(
    ("value", "why"), [(None, "null from client"), (ERROR, "client error")], ids=["null", "OperationOutcome"]
)
def test_p3_null_and_an_error_are_answers_and_are_not_asked_again(call, complete, server, value, why):
    """null says "no data", an OperationOutcome an error the client knows of: neither is fetched, and each is said."""
    answer = call(complete(lesions=value), fhirServer=server.base)
    assert server.asked == []
    assert whys(answer) == {why}


def test_p3_an_empty_bundle_is_no_data(call, complete, example):
    """A search that found nothing is an answer: known absence, with nothing to report."""
    for bundle in (example.searchset(), {"resourceType": "Bundle", "type": "collection", "entry": []}):
        assert call(complete(lesions=bundle)).cards == []


def test_p3_bundles_as_they_come(call, complete, example):
    """A Bundle may be a collection, an entry may lack its resource, an outcome or an include is no match."""
    lesions = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "https://fhir.example.org/Observation/lesion", "resource": example.lesion},
            {
                "resource": ERROR | {"issue": [{"severity": "information", "code": "informational"}]},
                "search": {"mode": "outcome"},
            },
            {"resource": {"resourceType": "Practitioner", "id": "1"}, "search": {"mode": "include"}},
        ],
    }
    assert "mirels" in topics(call(complete(conditions=example.searchset(example.metastasis), lesions=lesions)))
    whole = len(evaluation(call(complete(lesions=example.searchset()))).get("notEvaluated", []))
    without = {"resourceType": "Bundle", "type": "searchset", "entry": [{"fullUrl": "urn:uuid:1"}]}
    assert whole == 0 and evaluation(call(complete(lesions=without)))["notEvaluated"]


def test_p3_412_when_what_is_necessary_cannot_be_had(client, example):
    """Without prefetch and without a server nothing can be evaluated: 412, naming every key."""
    response = client.post(example.mirels, json=example.request())
    assert response.status_code == 412
    entry = next(one for one in client.get("/cds-services").get_json()["services"] if one["id"] in example.mirels)
    named = read(response.data, OperationOutcome).issue[0].expression
    assert set(named) == {f"prefetch.{key}" for key in entry["prefetch"]} - {"prefetch.encounter"}


# --- P4: null is two things in the wild


def test_p4_null_is_unknown_and_never_none(call, complete, example):
    """Some clients send null for whatever they cannot evaluate: no rule takes it for absence."""
    prefetch = complete(conditions=example.searchset(example.metastasis))
    silent = evaluation(call(prefetch))["silent"]
    answer = call(prefetch | {"lesions": None})
    assert "mirels" in silent and "mirels" not in evaluation(answer).get("silent", [])
    assert "not-evaluated" in topics(answer)


def test_p4_dates_are_not_asked_for_in_templates(services):
    """Dates are compared here and not by FHIRPath in a template, which would come back as null."""
    assert not [one for service in services for one in service["prefetch"].values() if "today" in one or "days" in one]


# --- P5: pages


def test_p5_a_next_link_is_followed_with_the_token(call, complete, server, example):
    """A prefetched page with a next link is continued on the FHIR server, with the token of the call."""
    server.on("Observation", ways.found(example.lesion))
    first = ways.searchset(following=f"{server.base}/Observation?page=2")
    prefetch = complete(conditions=example.searchset(example.metastasis), lesions=first)
    assert "mirels" in topics(call(prefetch, fhirServer=server.base, fhirAuthorization=TOKEN))
    ((path, headers),) = server.asked
    assert (path, headers["Authorization"]) == ("/r4/Observation?page=2", "Bearer opaque-7Fq2")


def test_p5_a_next_link_elsewhere_is_not_followed_and_that_is_said(call, complete, server):
    """A link to another origin is not followed, whoever wrote it; the key stays incomplete and is named."""
    other = ways.FhirServer()
    first = ways.searchset(following=f"{other.base}/Observation?page=2")
    answer = call(complete(lesions=first), fhirServer=server.base, fhirAuthorization=TOKEN)
    other.close()
    assert (server.asked, other.asked) == ([], [])
    assert evaluation(answer)["notFetched"] == [
        {"key": "lesions", "why": "page not followed", "cause": "address outside fhirServer"}
    ]
    assert whys(answer) == {"page not followed"}


def test_p5_pages_have_a_limit_and_a_cut_is_said(call, complete, server):
    """Pages that never end are ended here, and the answer says that it was cut."""
    server.on("Observation", ways.endless)
    prefetch = complete()
    del prefetch["lesions"]
    answer = call(prefetch, fhirServer=server.base)
    assert len(server.asked) == 10  # fhir.max_pages
    assert evaluation(answer)["notFetched"][0]["cause"] == "more pages than fhir.max_pages"


# --- P6: no more than asked for


def test_p6_only_the_templates_are_asked_for(call, server, services):
    """What is fetched are the service's own templates, nothing more."""
    templates = next(one for one in services if one["id"] == "fracture-risk-patient-view")["prefetch"]
    call({"patient": ways.PATIENT}, fhirServer=server.base)
    kinds = sorted(re.split(r"[/?]", text)[0] for key, text in templates.items() if key not in ("patient", "encounter"))
    assert server.kinds() == kinds


def test_p6_keys_that_were_not_asked_for_answer_no_key(call, complete, example):
    """A key the service did not ask for harms nothing, and stands in for none it did ask for."""
    prefetch = complete(something=example.searchset(), other=None)
    assert topics(call(prefetch)) == []
    del prefetch["lesions"]
    assert whys(call(prefetch)) == {"not supplied"}


# --- P7: in time


def test_p7_a_call_ends_at_its_deadline(serve, example, complete, server):
    """A server that never answers holds no call: what is known by the deadline is answered, and the rest is said."""
    client = serve(server__allow_as_of="true", server__deadline_ms="300")
    server.otherwise = ways.never
    response = client.post(
        example.mirels, json=example.request(prefetch={"patient": example.patient}, fhirServer=server.base)
    )
    answer = read(response.data, Answer)
    assert {one["cause"] for one in evaluation(answer)["notFetched"]} == {"deadline"}
    assert topics(answer) == ["not-evaluated"]
    assert not server.closing.is_set()  # the server was still waiting; tests/cds_service/test_fault_matrix.py has more


# --- P8: the token goes to its own server only


def test_p8_every_request_bears_the_token(call, server):
    """Each request to the FHIR server carries the Bearer token of the call."""
    call({"patient": ways.PATIENT}, fhirServer=server.base, fhirAuthorization=TOKEN)
    assert len(server.asked) > 5
    assert {headers["Authorization"] for _, headers in server.asked} == {"Bearer opaque-7Fq2"}


def test_p8_a_server_that_is_not_allowed_is_not_called(serve, example, server):
    """Only listed FHIR servers are called: any other gets no request, and no token."""
    client = serve(fhir__allow="https://fhir.example.org/r4")
    request = example.request(prefetch={"patient": example.patient}, fhirServer=server.base, fhirAuthorization=TOKEN)
    answer = read(client.post(example.mirels, json=request).data, Answer)
    assert server.asked == []
    assert {one["cause"] for one in evaluation(answer)["notFetched"]} == {"fhirServer is not in fhir.allow"}


def test_p8_no_redirect_is_followed(call, complete, server):
    """A redirect is a failure, never a way to another host."""
    other = ways.FhirServer()
    server.on("Observation", ways.body(b"", 302, Location=f"{other.base}/Observation"))
    prefetch = complete()
    del prefetch["lesions"]
    answer = call(prefetch, fhirServer=server.base, fhirAuthorization=TOKEN)
    other.close()
    assert other.asked == []
    assert evaluation(answer)["notFetched"][0]["cause"] == "redirect"
