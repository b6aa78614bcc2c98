"""A card that asks offers a task that names exactly the open questions; filling them in completes the score."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.task import Task

from cards.activities import SDC, definitions
from cds_service.advisor import Advisor, Case
from cds_service.settings import load_settings
from fhir_mappings.questionnaires import questions
from fhir_mappings.reading import look

LOCAL = "https://osteohooks.org/fhir/CodeSystem/bone-metastasis"
FORM = "https://osteohooks.org/fhir/Questionnaire"
SNOMED = "http://snomed.info/sct"
ME = {"reference": "Patient/me"}
Resource = dict[str, Any]


@pytest.fixture(scope="module")
def advisor() -> Advisor:
    return Advisor(load_settings(environ={}))


def coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def panel(site: Resource, **items: str) -> Resource:
    parts = [
        {"code": coded(LOCAL, name.replace("_", "-")), "valueCodeableConcept": coded(LOCAL, value)}
        for name, value in items.items()
    ]
    about = {"id": "lesion", "status": "final", "code": coded(LOCAL, "bone-lesion"), "subject": ME}
    return {
        "resourceType": "Observation",
        **about,
        "effectiveDateTime": "2026-11-10",
        "bodySite": site,
        "component": parts,
    }


CHART = [
    {"resourceType": "Patient", "id": "me", "gender": "female", "birthDate": "1960-01-01"},
    {"resourceType": "Condition", "id": "c", "code": coded(SNOMED, "94222008"), "subject": ME},
    {"resourceType": "Condition", "id": "p", "code": coded(SNOMED, "254837009"), "subject": ME},
]
HUMERUS = panel(coded(SNOMED, "85050009"), lesion_matrix="lytic")  # 1 + 3, and 2 to 6 open
SPINE = panel(coded(LOCAL, "T5"), lesion_matrix="lytic", sins_collapse="none")  # 1 + 2 + 0, and 0 to 10 open


def cards(advisor: Advisor, *resources: Resource, language: str = "en") -> dict[str, Resource]:
    supplied = [look(msgspec.Raw(json.dumps(one).encode())) for one in (*CHART, *resources)]
    case = Case(hook="patient-view", hook_instance="x", as_of=date(2026, 11, 21), supplied=supplied, patient_id="me")
    spoken = advisor.answer(case, theme=None, language=language)
    return {card["source"]["topic"]["code"]: card for card in spoken.cards}


def task(card: Resource, of: str) -> Resource:
    offered = [action["resource"] for one in card["suggestions"] for action in one["actions"]]
    tasks = [one for one in offered if "input" in one]
    return next(one for one in tasks if one["input"][0]["valueCanonical"] == f"{FORM}/{of}")


@pytest.mark.parametrize(
    ("topic", "form", "lesion", "open_questions"),
    [
        ("mirels", "bone-lesion", HUMERUS, {"lesion-pain", "lesion-size-fraction"}),
        ("sins", "spine-lesion", SPINE, {"sins-pain", "sins-alignment", "sins-posterolateral"}),
    ],
)
def test_the_task_names_exactly_the_open_questions(
    advisor: Advisor, topic: str, form: str, lesion: Resource, open_questions: set[str]
) -> None:
    card = cards(advisor, lesion)[topic]
    offered = task(card, form)
    Task.model_validate(offered)
    assert offered["code"]["coding"][0] == {
        "system": SDC,
        "code": "complete-questionnaire",
        "display": "Complete Questionnaire",
    }
    questionnaire, *items = offered["input"]
    assert questionnaire["type"]["coding"] == [{"system": SDC, "code": "questionnaire"}]
    assert {one["valueCoding"]["code"] for one in items} == open_questions
    assert {one["name"] for one in card["extension"]["org.osteohooks.evidence"]["missing"]} == open_questions
    assert all(one["valueCoding"]["display"] for one in items)


def test_the_same_in_chinese(advisor: Advisor) -> None:
    _, pain, size = task(cards(advisor, HUMERUS, language="zh-Hans")["mirels"], "bone-lesion")["input"]
    assert {pain["type"]["text"], size["type"]["text"]} == {"项目"}
    assert {pain["valueCoding"]["display"], size["valueCoding"]["display"]} & {"病灶疼痛", "疼痛"}


def test_answering_what_the_task_asks_completes_the_score(advisor: Advisor) -> None:
    """1 for the upper limb + 3 lytic are on record; functional pain 3 and more than two thirds 3 make 10."""
    offered = task(cards(advisor, HUMERUS)["mirels"], "bone-lesion")
    questionnaire, *items = offered["input"]
    answers = {"lesion-pain": "functional", "lesion-size-fraction": "gt-2-3"}
    site = {"linkId": "body-site", "answer": [{"valueCoding": HUMERUS["bodySite"]["coding"][0]}]}
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "questionnaire": questionnaire["valueCanonical"],
        "subject": ME,
        "authored": "2026-11-20",
        "item": [site]
        + [
            {"linkId": code, "answer": [{"valueCoding": {"system": LOCAL, "code": answers[code]}}]}
            for code in (one["valueCoding"]["code"] for one in items)
        ],
    }
    card = cards(advisor, HUMERUS, response)["mirels"]
    assert card["extension"]["org.osteohooks.evidence"]["score"]["total"] == 1 + 3 + 3 + 3


@pytest.mark.parametrize("name", [name for name in definitions() if name.startswith("record-")])
def test_every_task_to_record_refers_to_a_questionnaire_that_is_shipped(name: str) -> None:
    (related,) = definitions()[name]["relatedArtifact"]
    assert questions(related["resource"])


def test_nobody_elses_questionnaire_is_asked() -> None:
    assert questions("http://other.example/Questionnaire/bone-lesion") == {}
