"""Responses to our own questionnaires: linkId = item code, in groups or not; everybody else's say nothing here."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fhir_mappings
from fhir_mappings import views
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion, merge
from fhir_mappings.questionnaires import OURS, read_response
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.sites import Site
from fhir_mappings.terminology import LOCAL, Terminology

SNOMED = "http://snomed.info/sct"
BASE = "https://osteohooks.org/fhir/Questionnaire"
TERMINOLOGY = Terminology.load()


def coding(code: str, system: str = LOCAL) -> dict[str, Any]:
    return {"valueCoding": {"system": system, "code": code}}


def item(link: str, *answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"linkId": link, "answer": list(answers), **more}


def response(form: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "q1",
        "status": "completed",
        "questionnaire": f"{BASE}/{form}",
        "authored": "2026-11-02T09:00:00+08:00",
        "item": list(items),
        **more,
    }


def outcomes(resource: dict[str, Any]) -> list[Any]:
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    return list(read_response(decoder(views.QuestionnaireResponse).decode(json.dumps(resource)), frozenset(), shelf))


def lesion_of(resource: dict[str, Any]) -> Lesion:
    (lesion,) = merge(one for one in outcomes(resource) if isinstance(one, Lesion))
    return lesion


def test_a_bone_lesion_with_every_kind_of_answer() -> None:
    lesion = lesion_of(
        response(
            "bone-lesion",
            item("lesion-region", coding("lower-limb")),
            item("lesion-matrix", coding("lytic")),
            item("lesion-pain", coding("255604002", SNOMED)),  # mild, by the shipped ConceptMap
            item("lesion-diameter", {"valueQuantity": {"value": 1.8, "unit": "cm"}}),
            item("bone-diameter", {"valueQuantity": {"value": 30, "unit": "mm"}}),
            item("fractured", {"valueBoolean": False}),
            item("cortical-destruction", {"valueString": "60 %"}),
        )
    )
    assert lesion.key == "QuestionnaireResponse/q1"
    assert str(lesion.evidence.when) == "2026-11-02"
    assert (lesion.text("lesion-region"), lesion.site.region) == ("lower-limb", "lower-limb")
    assert (lesion.text("lesion-matrix"), lesion.text("lesion-pain")) == ("lytic", "mild")
    assert lesion.value("fractured") is False
    assert lesion.number("cortical-destruction") == Range.of(60)
    assert lesion.number("lesion-size-fraction") == Range.of(Decimal("0.6"))  # 18 mm / 30 mm


def test_a_spine_lesion_in_groups_with_several_answers() -> None:
    lesion = lesion_of(
        response(
            "spine-lesion",
            {
                "linkId": "place",
                "item": [{"linkId": "deeper", "item": [item("spinal-level", coding("T12"))]}],
            },
            item("wbb-zone", coding("5"), coding("4")),
            item("escc-grade", coding("1c"), item=[item("sins-pain", coding("mechanical"))]),
            item("sins-collapse", {**coding("lt-50"), "item": [item("fractured", {"valueBoolean": True})]}),
        )
    )
    assert (lesion.key, lesion.site) == ("T12", Site("vertebra", "spine", "T12"))
    assert lesion.text("wbb-zone") == "4 5"
    assert (lesion.text("escc-grade"), lesion.text("sins-pain"), lesion.text("sins-location")) == (
        "1c",
        "mechanical",
        "junctional",
    )
    assert lesion.yes("fractured")


def test_a_body_site_and_a_side_name_the_lesion() -> None:
    lesion = lesion_of(
        response(
            "bone-lesion", item("body-site", coding("29627003", SNOMED)), item("laterality", coding("7771000", SNOMED))
        )
    )
    assert lesion.key == "left proximal-femur peritrochanteric"
    assert lesion.site == Site("proximal-femur", "peritrochanteric", side="left")


def test_a_region_with_a_side_is_a_site_but_tells_no_lesions_apart() -> None:
    lesion = lesion_of(
        response("bone-lesion", item("lesion-region", coding("rib")), item("laterality", coding("24028007", SNOMED)))
    )
    assert lesion.key == "QuestionnaireResponse/q1"
    assert lesion.site == Site("rib", "rib", side="right")


def test_an_answer_that_is_not_understood_says_why() -> None:
    lesion = lesion_of(response("bone-lesion", item("cortical-destruction", {"valueDecimal": 60})))
    assert lesion.item("cortical-destruction") == Missing(
        "cortical-destruction", "unit not understood", "QuestionnaireResponse/q1"
    )


def test_an_assessment_of_the_patient() -> None:
    found = outcomes(
        response(
            "patient-assessment",
            item("karnofsky", {"valueInteger": 70}),
            item("frankel-grade", coding("C")),
            item("sphincter-disturbance", {"valueBoolean": True}),
            item("mri", coding("positive")),
        )
    )
    assessed = {one.item: one.value for one in found if isinstance(one, Assessment)}
    assert assessed == {"karnofsky": Range.of(70), "frankel-grade": "C", "sphincter-disturbance": True}
    assert [(one.modality, one.value) for one in found if isinstance(one, Imaging)] == [("mri", "positive")]
    assert {one.evidence.reference for one in found} == {"QuestionnaireResponse/q1"}
    assert {one.evidence.original for one in found} == {"70", "C", "true", "positive"}


def test_an_assessment_that_is_not_understood_is_named_without_its_value() -> None:
    (skip,) = outcomes(response("patient-assessment", item("karnofsky", {"valueInteger": 3})))
    assert isinstance(skip, Skipped)
    assert (skip.reference, skip.why, skip.names) == ("QuestionnaireResponse/q1", "unreadable", ("karnofsky",))


def test_a_lesions_response_may_say_something_of_the_patient_there() -> None:
    found = outcomes(response("spine-lesion", item("spinal-level", coding("T9")), item("frankel-grade", coding("D"))))
    (grade,) = (one for one in found if isinstance(one, Assessment))
    assert (grade.value, grade.site.level) == ("D", "T9")


@pytest.mark.parametrize(
    "canonical",
    [
        "https://elsewhere.example/Questionnaire/bone-lesion",
        f"{BASE}/another",
        "bone-lesion",
        "",
        None,
    ],
)
def test_another_questionnaire_says_nothing(canonical: str | None) -> None:
    given = response("bone-lesion", item("lesion-pain", coding("mild")))
    assert outcomes({**given, "questionnaire": canonical}) == []


def test_a_version_is_tolerated() -> None:
    given = response("bone-lesion", item("lesion-pain", coding("mild")))
    assert lesion_of({**given, "questionnaire": f"{BASE}/bone-lesion|2026.11.1"}).text("lesion-pain") == "mild"


@pytest.mark.parametrize(
    ("status", "read"),
    [("completed", True), ("amended", True), ("in-progress", False), ("stopped", False), ("entered-in-error", False)],
)
def test_only_a_finished_response_is_read(status: str, read: bool) -> None:
    given = response("bone-lesion", item("lesion-pain", coding("mild")), status=status)
    assert bool(outcomes(given)) is read


def test_an_odd_status_is_named() -> None:
    (skip,) = outcomes(response("bone-lesion", status="odd"))
    assert skip == Skipped("QuestionnaireResponse/q1", "unreadable", "status", ("bone-lesion",))


def test_a_response_may_be_empty() -> None:
    assert outcomes(response("patient-assessment")) == []


@pytest.mark.parametrize("form", OURS)
def test_every_question_of_the_shipped_questionnaires_is_read(form: str) -> None:
    """Each question answered with its first option (or what its type takes) gives a finding, none is skipped."""
    shipped = json.loads((Path(fhir_mappings.__file__).parent / "codes" / f"Questionnaire-{form}.json").read_text())
    units = {"life-expectancy": "mo", "pain-duration": "d", "cortical-destruction": "%", "vertebral-collapse": "%"}
    for question in shipped["item"]:
        link = question["linkId"]
        if link in ("body-site", "laterality"):
            continue  # see the next test
        answer = {
            "choice": lambda q: q["answerOption"][0],
            "boolean": lambda _: {"valueBoolean": True},
            "integer": lambda _: {"valueInteger": 0},
            "quantity": lambda q: {"valueQuantity": {"value": 1, "unit": units.get(q["linkId"], "mm")}},
        }[question["type"]](question)
        found = outcomes(response(form, item(link, answer)))
        assert found and not any(isinstance(one, Skipped) for one in found), link
        for lesion in (one for one in found if isinstance(one, Lesion)):
            assert link in lesion.items, link


def test_every_place_and_side_the_bone_form_offers_is_read() -> None:
    """Ten bones on two sides are twenty lesions."""
    shipped = json.loads((Path(fhir_mappings.__file__).parent / "codes" / "Questionnaire-bone-lesion.json").read_text())
    places, sides = (question["answerOption"] for question in shipped["item"][:2])
    found = set()
    for place in places:
        for side in sides:
            (lesion,) = outcomes(response("bone-lesion", item("body-site", place), item("laterality", side)))
            assert lesion.site.bone and lesion.site.region and lesion.site.side
            found.add(lesion.key)
    assert len(found) == len(places) * len(sides) == 20
