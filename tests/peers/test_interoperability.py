"""Discovery, prefetch, call and fetch between programs none of which is ours but the service."""

import pytest
import requests

from tests.peers.charts import RECORDED

pytestmark = [pytest.mark.peers, pytest.mark.xdist_group("peers")]


def evaluation(response):
    return response["extension"]["org.osteohooks.evaluation"]


def topics(cards):
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in cards]


def test_the_server_behind_is_hapi_fhir_r4(fhir):
    statement = requests.get(f"{fhir}/metadata", timeout=60).json()
    assert (statement["software"]["name"], statement["fhirVersion"]) == ("HAPI FHIR Server", "4.0.1")


def test_the_client_discovers_every_service(prefetched, examples):
    found = {one["id"]: one["hook"] for one in prefetched["services"]}
    assert {example.service: example.hook for example in examples.values()}.items() <= found.items()


@pytest.mark.parametrize("name", RECORDED)
def test_prefetch_filled_by_the_client_gives_the_recorded_cards(prefetched, examples, name):
    answer = prefetched["answers"][name]
    assert "error" not in answer, answer
    example = examples[name]
    assert topics(answer["response"]["cards"]) == topics(example.cards)
    assert example.told(answer["response"]["cards"]) == example.told(example.cards)


@pytest.mark.parametrize("name", RECORDED)
def test_the_server_finds_what_the_templates_ask_for(prefetched, examples, name):
    """Every template is understood, and brings what was recorded under its key."""
    sent = prefetched["answers"][name]["request"]["prefetch"]
    brought = {
        key: sorted(entry["resource"]["id"] for entry in value.get("entry", []))
        for key, value in sent.items()
        if value and value["resourceType"] == "Bundle"
    }
    recorded = examples[name].prefetch
    assert brought == {key: sorted(one["id"] for one in recorded.get(key, [])) for key in brought}
    assert {key for key, value in sent.items() if value is None} <= {"encounter"}


@pytest.mark.parametrize("name", RECORDED)
def test_missing_keys_fetched_page_by_page_give_the_recorded_cards(fetched, examples, name):
    answer = fetched["answers"][name]
    assert "error" not in answer, answer
    assert answer["request"]["prefetch"] == {}
    assert "notFetched" not in evaluation(answer["response"])
    example = examples[name]
    assert example.told(answer["response"]["cards"]) == example.told(example.cards)


def test_pages_had_to_be_followed(fetched, examples):
    """One resource a page: a key that holds five resources takes five pages, and all of them came (above)."""
    templates = {key: text for one in fetched["services"] for key, text in one["prefetch"].items()}
    assert all(text.endswith("&_count=1") for text in templates.values() if "?" in text)
    assert max(len(resources) for example in examples.values() for resources in example.prefetch.values()) >= 3


def test_the_server_links_its_pages(fhir):
    """What the pages above were followed by: a link of HAPI FHIR's own making, on the same base."""
    page = requests.get(f"{fhir}/Observation?patient=flare&_count=1", timeout=60).json()
    (link,) = [one["url"] for one in page["link"] if one["relation"] == "next"]
    assert link.startswith(f"{fhir}?_getpages=")
    assert len(page["entry"]) == 1


def test_too_few_pages_are_said_and_not_taken_for_all(asked, fhir):
    """One page allowed where two are needed: the answer says that it does not know, as it should."""
    answer = asked(fetch=True, fhir__allow=fhir, fhir__page_size="1", fhir__max_pages="1")["answers"]["flare"]
    causes = {failure["cause"] for failure in evaluation(answer["response"])["notFetched"]}
    assert causes == {"more pages than fhir.max_pages"}


def test_a_server_that_is_not_allowed_is_not_called(asked):
    """What is known is still answered (drafts), with the reason; where nothing is, 412, and the client says so."""
    answers = asked(fetch=True, fhir__allow="https://fhir.example.org/r4")["answers"].values()
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert refused and all("needed prefetch could not be had" in error for error in refused)
    for answer in answers:
        if "response" in answer:
            causes = {failure["cause"] for failure in evaluation(answer["response"])["notFetched"]}
            assert causes == {"fhirServer is not in fhir.allow"}
