"""The response, clause by clause (C1 to C10): every recorded answer in both languages, and what can be provoked."""

import json
import re
from importlib import import_module

import msgspec
import pytest

from cds_service.markdown import html
from tests.spec.wire import Answer, OperationOutcome, empty_places, read

OWN_SERVICE = "/cds-services/fracture-risk-patient-view"
MARKUP = '<img src=x onerror=alert(1)> [click](javascript:alert(1)) ![x](https://e.example/y) | a `b` *c* <!-- "'


def suggestions(cards):
    return [one for card in cards for one in card.get("suggestions", [])]


def actions(cards):
    return [action for suggestion in suggestions(cards) for action in suggestion.get("actions", [])]


# --- C1, C2: the answer and its cards


def test_c1_a_call_is_answered_with_cards(recorded_answers):
    """200 with the array of cards, in the shape of the specification: every recorded answer, in both languages."""
    assert len(recorded_answers) >= 2
    for name, body in recorded_answers.items():
        assert read(body, Answer).cards, name


def test_c1_the_array_is_there_when_it_is_empty(client, example, complete):
    """No advice is an empty array, not a missing one."""
    response = client.post(example.mirels, json=example.request(prefetch=complete()))
    assert (response.status_code, response.mimetype, response.get_json()["cards"]) == (200, "application/json", [])


def test_c2_a_summary_is_shorter_than_140_characters(cards):
    """summary: one sentence on one line, strictly shorter than 140 characters."""
    for card in cards:
        assert 0 < len(card["summary"]) < 140
        assert "\n" not in card["summary"]


def test_c2_a_card_has_a_uuid_of_its_own(recorded_answers):
    """uuid: what feedback refers to, so every card has one, and no two of one answer share it."""
    for name, body in recorded_answers.items():
        named = [card.uuid for card in read(body, Answer).cards]
        assert msgspec.UNSET not in named and len(set(named)) == len(named), name


def test_c2_suggestions_come_with_a_selection_behaviour(cards):
    """selectionBehavior is required with suggestions; reasons to override have a display for the person who chooses."""
    with_suggestions = [card for card in cards if "suggestions" in card]
    assert with_suggestions
    assert {card["selectionBehavior"] for card in with_suggestions} <= {"any", "at-most-one"}
    assert all(reason["display"] for card in cards for reason in card.get("overrideReasons", []))


@pytest.mark.parametrize(
    "broken",
    [
        {"summary": "x" * 140},
        {"summary": ""},
        {"indicator": "hard-stop"},
        {"source": {"topic": {"code": "a", "system": "b", "display": "c"}}},
        {"source": {"label": "a", "url": "help.html"}},
        {"suggestions": []},
        {"overrideReasons": [{"code": "a", "system": "b"}]},
        {"uuid": "1"},
        {"detail": None},
        {"more": 1},
    ],
)
def test_c2_the_shape_is_strict(cards, broken):
    """The checks above are ones that can fail."""
    with pytest.raises(msgspec.ValidationError):
        read(json.dumps({"cards": [cards[0] | broken]}).encode(), Answer)


# --- C3: where it comes from


def test_c3_source_has_a_label_and_a_topic(cards):
    """source: a label, and a topic with code, system and display; an url or icon only as an absolute address."""
    for card in cards:
        assert card["source"]["label"]
        assert card["source"]["topic"].keys() == {"code", "system", "display"}


def test_c3_the_topic_is_a_code_that_can_be_looked_up(client, cards):
    """The topics are codes of a code system that the service publishes."""
    system = client.get("/fhir/CodeSystem/advisory").get_json()
    codes = {concept["code"] for concept in system["concept"]}
    for card in cards:
        topic = card["source"]["topic"]
        assert (topic["system"], topic["code"] in codes) == (system["url"], True)


# --- C4, C5: suggestions and actions


def test_c4_a_suggestion_has_a_label_and_a_uuid(cards):
    """label is required; uuid is what feedback refers to, so every suggestion has one; actions are never empty."""
    assert suggestions(cards)
    for suggestion in suggestions(cards):
        assert {"label", "uuid", "actions"} <= suggestion.keys()
        assert suggestion["actions"]


def test_c4_no_more_is_recommended_than_may_be_chosen(cards):
    """isRecommended: at most one where at most one may be chosen (cds-resp-1); no actionSelectionBehavior unasked."""
    for card in cards:
        recommended = [one for one in card.get("suggestions", []) if one.get("isRecommended")]
        assert len(recommended) <= 1 or card["selectionBehavior"] == "any"
        assert not [one for one in card.get("suggestions", []) if "actionSelectionBehavior" in one]


def test_c5_an_action_has_a_description_and_what_its_type_needs(cards):
    """type and description are required; a create has its resource, and a delete would have a resourceId instead."""
    assert actions(cards)
    for action in actions(cards):
        assert (action["type"], "resourceId" in action) == ("create", False)
        assert action["description"]


def test_c5_what_is_suggested_is_a_valid_draft(cards):
    """The resource of an action is whole and valid R4, a draft or proposal, about the patient of the call."""
    for action in actions(cards):
        resource = action["resource"]
        kind = resource["resourceType"]
        getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind).model_validate(resource)
        assert resource["status"] in ("draft", "proposed")
        assert resource.get("intent", "proposal") == "proposal"
        assert '"Patient/case"' in json.dumps(resource)


# --- C6 to C8: links, actions of the system, tasks


def test_c6_links_are_absolute(cards):
    """A link has a label, an absolute url and a type; appContext is for smart links only."""
    links = [link for card in cards for link in card.get("links", [])]
    assert links
    for link in links:
        assert (link["type"], link["url"].startswith("https://"), "appContext" in link) == ("absolute", True, False)


def test_c7_nothing_is_done_without_a_person(recorded_answers):
    """systemActions are for pairs of programs that have agreed on them: no answer has any."""
    for name, body in recorded_answers.items():
        told = json.loads(body)
        assert told.keys() <= {"cards", "extension"}, name
        assert "systemActions" not in told.get("extension", {}), name


def test_c8_what_is_missing_can_be_captured_as_a_task(cards):
    """Instead of a link to an app, a suggestion may create a Task: here, to record what a score lacks."""
    tasks = [action["resource"] for action in actions(cards) if action["resource"]["resourceType"] == "Task"]
    assert tasks
    assert all({"status", "intent", "for", "description"} <= task.keys() for task in tasks)


# --- C9: Markdown that was not meant


@pytest.fixture
def marked(client, example, complete):
    """The cards about a drug whose name is full of markup, last given 204 days ago (1 May to 21 November)."""
    service = "bone-modifying-agents-patient-view"
    coding = {"system": "http://www.whocc.no/atc", "code": "M05BX04", "display": MARKUP}
    dose = {
        "resourceType": "MedicationAdministration",
        "id": MARKUP,
        "status": "completed",
        "subject": {"reference": "Patient/17"},
        "effectiveDateTime": "2026-05-01",
        "medicationCodeableConcept": {"coding": [coding], "text": MARKUP},
    }
    prefetch = complete(
        service,
        conditions=example.searchset(example.metastasis),
        medication_administrations=example.searchset(dose),
    )
    response = client.post(f"/cds-services/{service}", json=example.request(prefetch=prefetch))
    return read(response.data, Answer).cards


def test_c9_nothing_of_a_chart_becomes_markup(marked):
    """Clients render Markdown, and some of them the HTML in it: what a chart says is escaped."""
    assert any("onerror" in card.detail for card in marked)  # it is shown
    for card in marked:
        for text in (card.summary, card.detail):
            assert not re.search(r"(?<!\\)<[a-zA-Z!/]", text), text
            assert not re.search(r"(?<!\\)\]\(", text), text
        assert "<img" not in html(card.detail) and "href" not in html(card.detail)


def test_c9_our_own_markdown_has_no_html(cards):
    """What the tables say is Markdown without HTML too."""
    assert not [card for card in cards if re.search(r"<[a-zA-Z!/]", card.get("detail", ""))]


# --- C10: the status says what went wrong


@pytest.fixture
def sent(client, serve):
    """How to provoke each status: client, path, what is sent."""
    legal = {"data": b"{}", "content_type": "application/json"}
    return {
        400: (client, OWN_SERVICE, legal | {"data": b"{"}),
        404: (client, "/cds-services/none", legal),
        412: (client, OWN_SERVICE, {"json": None}),  # filled in below: a legal request without anything
        413: (serve(server__max_body_bytes="10"), OWN_SERVICE, legal | {"data": b" " * 11}),
        415: (client, OWN_SERVICE, legal | {"content_type": "text/plain"}),
    }


@pytest.mark.parametrize("status", [400, 404, 412, 413, 415])
def test_c10_an_error_has_its_status_and_an_operation_outcome(sent, example, status):
    """400 malformed, 404 unknown, 412 nothing to evaluate, 413 too long, 415 no JSON: each with an OperationOutcome."""
    client, path, body = sent[status]
    response = client.post(path, **(body if "data" in body else {"json": example.request()}))
    assert (response.status_code, response.mimetype) == (status, "application/fhir+json")
    assert read(response.data, OperationOutcome).issue[0].diagnostics
    assert empty_places(response.get_json()) == []


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_c10_405_names_what_is_allowed(client, method):
    """Another method than POST is 405, with the methods there are."""
    response = getattr(client, method)(OWN_SERVICE)
    assert (response.status_code, "POST" in response.headers["Allow"]) == (405, True)
    read(response.data, OperationOutcome)


def test_c10_a_defect_is_500_and_never_an_empty_list(client, example, complete, monkeypatch):
    """What goes wrong inside is an error: cards: [] would say that there is nothing to say."""

    def broken(*_, **__):
        raise ValueError("Patient/17")

    monkeypatch.setattr("cds_service.advisor.answer", broken)
    response = client.post(example.mirels, json=example.request(prefetch=complete()))
    assert response.status_code == 500
    assert "17" not in read(response.data, OperationOutcome).issue[0].diagnostics


def test_c10_too_many_calls_at_once_are_503(serve, example, complete, monkeypatch):
    """A process that is full says so at once, and when to come again."""
    client = serve(server__max_concurrent_calls="1")
    inner = []

    def meanwhile(*_, **__):
        inner.append(client.application.test_client().post(example.mirels, json=example.request()))
        raise ValueError

    monkeypatch.setattr("cds_service.advisor.answer", meanwhile)
    client.post(example.mirels, json=example.request(prefetch=complete()))
    (response,) = inner
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert read(response.data, OperationOutcome).issue[0].code == "transient"


def test_c10_whatever_can_be_answered_is_answered(client, example, complete):
    """Clients show an error as "no recommendations": one key that came is enough for 200, with what lacks on a card."""
    response = client.post(example.mirels, json=example.request(prefetch={"patient": example.patient}))
    (card,) = read(response.data, Answer).cards
    assert card.source.topic.code == "not-evaluated"
