"""Feedback, clause by clause (F1 to F3)."""

from uuid import uuid4

import pytest

from tests.spec.wire import Answer, OperationOutcome, read

AT = "2026-11-21T09:30:00Z"
OWN = "https://osteohooks.org/fhir/CodeSystem/override-reason"


@pytest.fixture
def service(serve, tmp_path):
    """The service with a store."""
    return serve(store__url=f"sqlite:///{tmp_path}/store.db", server__allow_as_of="true")


@pytest.fixture
def shown(service, example, complete):
    """Calls the service: the cards of an answer."""

    def shown(instance=example.instance):
        prefetch = complete(conditions=example.searchset(example.metastasis), lesions=example.searchset(example.lesion))
        request = example.request(prefetch=prefetch) | {"hookInstance": instance}
        return read(service.post(example.mirels, json=request).data, Answer).cards

    return shown


@pytest.fixture
def send(service, example):
    def send(*entries):
        return service.post(f"{example.mirels}/feedback", json={"feedback": list(entries)})

    return send


def accepted(card, /, **more):
    chosen = [{"id": str(card.suggestions[0].uuid)}]
    return {"card": str(card.uuid), "outcome": "accepted", "acceptedSuggestions": chosen, "outcomeTimestamp": AT} | more


def overridden(card, /, **more):
    return {"card": str(card.uuid), "outcome": "overridden", "outcomeTimestamp": AT} | more


def without(entry, name):
    return {key: value for key, value in entry.items() if key != name}


# --- F1: what an entry says


def test_f1_accepted_and_overridden_are_taken(send, shown):
    """card, outcome and outcomeTimestamp; with accepted the suggestions chosen, with overridden a reason if any."""
    card = shown()[0]
    reason = {"reason": {"code": "ovr-mdt", "system": OWN, "display": "MDT decision"}, "userComment": "see notes"}
    response = send(accepted(card), overridden(card), overridden(card, overrideReason=reason))
    assert (response.status_code, response.mimetype) == (200, "application/json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("card", "1"),
        ("outcome", "ignored"),
        ("outcome", "ACCEPTED"),
        ("outcomeTimestamp", "2026-11-21"),
        ("outcomeTimestamp", "2026-11-21T09:30:00"),
        ("acceptedSuggestions", []),
        ("acceptedSuggestions", [str(uuid4())]),
    ],
)
def test_f1_what_is_not_as_defined_is_refused_and_named(send, shown, name, value):
    """A wrong value is refused with the place of it: an outcome that is none is not quietly taken."""
    response = send(accepted(shown()[0], **{name: value}))
    assert response.status_code == 400
    assert read(response.data, OperationOutcome).issue[0].expression[0].startswith(f"feedback[0].{name}")


@pytest.mark.parametrize("name", ["card", "outcome", "outcomeTimestamp", "acceptedSuggestions"])
def test_f1_what_is_required_is_required(send, shown, name):
    """card, outcome and outcomeTimestamp are required, and acceptedSuggestions when the outcome is accepted."""
    response = send(without(accepted(shown()[0]), name))
    assert response.status_code == 400
    assert read(response.data, OperationOutcome).issue[0].expression == [f"feedback[0].{name}"]


def test_f1_there_is_at_least_one_entry(send):
    """The array of feedback holds one entry or more."""
    assert send().status_code == 400


# --- F2: batches and repeats


def test_f2_one_post_may_tell_of_several_calls(send, shown):
    """Feedback may come later and for several hook instances at once: every entry is kept."""
    first, second = shown(str(uuid4())), shown(str(uuid4()))
    assert first[0].uuid != second[0].uuid
    assert send(accepted(first[0]), overridden(second[0])).get_json() == {"kept": 2}


def test_f2_the_same_again_is_taken_and_counted_once(service, send, shown):
    """The same feedback may be sent again: it is acknowledged as before."""
    entry = accepted(shown()[0])
    assert send(entry).data == send(entry).data == send(entry).data


def test_f2_a_card_may_change_its_outcome(send, shown):
    """Feedback for one card may come more than once, with another outcome."""
    card = shown()[0]
    assert [send(entry).status_code for entry in (overridden(card), accepted(card))] == [200, 200]


def test_f2_a_card_that_nobody_told_of_is_no_error(send):
    """A card this service does not know is kept and told apart: the client is not at fault."""
    card = str(uuid4())
    response = send({"card": card, "outcome": "overridden", "outcomeTimestamp": AT})
    assert (response.status_code, response.get_json()) == (200, {"kept": 1, "unknownCards": [card]})


# --- F3: reasons


@pytest.mark.parametrize(
    "reason",
    [
        {"code": "ovr-mdt", "system": OWN},
        {"code": "patient-refuses", "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"},
        {"code": "7", "system": "https://ehr.example.org/reasons", "display": "Ours"},
        {"code": "7"},
    ],
)
def test_f3_a_reason_may_lack_its_display_and_be_the_clients_own(send, shown, reason):
    """A reason may come without a display, and clients may add reasons of their own: codes not known are taken."""
    assert send(overridden(shown()[0], overrideReason={"reason": reason})).status_code == 200


def test_f3_the_reasons_offered_map_to_those_of_hl7(client, cards):
    """The reasons a card offers are published, with what they are among HL7's non-adherence reasons."""
    offered = {reason["code"] for card in cards for reason in card.get("overrideReasons", [])}
    mapping = client.get("/fhir/ConceptMap/override-reason-to-non-adherence").get_json()
    mapped = {element["code"] for group in mapping["group"] for element in group["element"]}
    assert offered <= mapped
