"""Conditions: which states count, what code and body site say together, receptors, ruling 22's Observations."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fhir_mappings import views
from fhir_mappings.assessments import Marker
from fhir_mappings.chart import Skipped
from fhir_mappings.conditions import Problem, read_condition, read_observation
from fhir_mappings.finding import Finding
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.sites import Site
from fhir_mappings.terminology import Terminology

SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICDO3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
TERMINOLOGY = Terminology.load()
BONE = "94222008"


def coded(code: str, system: str = SNOMED) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def status(word: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-any", "code": word}]}


def outcomes(resource: dict[str, Any]) -> list[Finding | Skipped]:
    shelf = Shelf(TERMINOLOGY, as_of=date(2026, 11, 21))
    raw = json.dumps({"id": "c1", **resource})
    if resource.get("resourceType") == "Observation":
        observation = decoder(views.Observation).decode(raw)
        return list(read_observation(observation, shelf.concepts(observation.code), shelf))
    condition = decoder(views.Condition).decode(raw)
    return list(read_condition(condition, shelf.concepts(condition.code), shelf))


def problem(**elements: Any) -> Problem:
    found = [one for one in outcomes(elements) if isinstance(one, Problem)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("verification", "certainty"),
    [
        (None, "confirmed"),
        (status("confirmed"), "confirmed"),
        (status("provisional"), "suspected"),
        (status("differential"), "suspected"),
        (status("unconfirmed"), "suspected"),
        (status("refuted"), "refuted"),
        ("provisional", "suspected"),  # DSTU2, STU3
        ({"text": "Confirmed"}, "confirmed"),
    ],
)
def test_certainty(verification: Any, certainty: str) -> None:
    given = {} if verification is None else {"verificationStatus": verification}
    assert problem(code=coded(BONE), **given).certainty == certainty


def test_entered_in_error_is_ignored() -> None:
    assert outcomes({"code": coded(BONE), "verificationStatus": status("entered-in-error")}) == []


@pytest.mark.parametrize(
    ("clinical", "present"),
    [
        (None, True),  # often absent: present, status unknown
        (status("active"), True),
        (status("recurrence"), True),
        (status("relapse"), True),
        (status("inactive"), False),
        (status("remission"), False),
        (status("resolved"), False),
        ("active", True),
        ("resolved", False),
    ],
)
def test_present(clinical: Any, present: bool) -> None:
    given = {} if clinical is None else {"clinicalStatus": clinical}
    assert problem(code=coded(BONE), **given).present is present


def test_a_state_that_is_not_understood_skips_the_condition_and_names_it() -> None:
    named = ("bone-metastasis", "cancer-any", "secondary-cancer-any")
    assert outcomes({"code": coded(BONE), "verificationStatus": status("perhaps")}) == [
        Skipped("Condition/c1", "unreadable", "verificationStatus", named)
    ]
    assert outcomes({"code": coded(BONE), "clinicalStatus": "perhaps"}) == [
        Skipped("Condition/c1", "other FHIR version", "clinicalStatus", named)
    ]


@pytest.mark.parametrize(
    ("abatement", "present"),
    [
        ({"abatementDateTime": "2026-03-01"}, False),
        ({"abatementDateTime": "2027-03-01"}, True),  # as of 2026-11-21 it lies ahead
        ({"abatementPeriod": {"start": "2025-01-01", "end": "2025-06-01"}}, False),
        ({"abatementAge": {"value": 61, "unit": "a"}}, False),
        ({"abatementString": "last spring"}, False),
        ({"abatementBoolean": True}, False),
        ({"abatementBoolean": False}, True),
    ],
)
def test_an_abated_condition_is_history(abatement: dict[str, Any], present: bool) -> None:
    assert problem(code=coded(BONE), **abatement).present is present


def test_the_date_is_the_onset_else_when_it_was_recorded() -> None:
    assert (
        str(problem(code=coded(BONE), onsetDateTime="2025-02-03", recordedDate="2026-01-01").evidence.when)
        == "2025-02-03"
    )
    assert str(problem(code=coded(BONE), onsetPeriod={"start": "2025-02"}).evidence.when) == "2025-02"
    assert str(problem(code=coded(BONE), recordedDate="2026-01-01").evidence.when) == "2026-01-01"
    assert str(problem(code=coded(BONE), assertedDate="2018-01-01").evidence.when) == "2018-01-01"
    assert problem(code=coded(BONE)).evidence.when is None


def test_a_code_no_concept_knows_is_no_finding() -> None:
    assert outcomes({"code": coded("38341003")}) == []  # hypertension
    assert outcomes({"code": {"text": "bone metastasis"}}) == []
    assert outcomes({}) == []


@pytest.mark.parametrize(
    ("code", "system"), [("C79.5", ICD10), ("C79.500x001", ICD10), ("C79.51", ICD10CM), ("c7951", ICD10CM)]
)
def test_icd_codes_of_bone_metastasis(code: str, system: str) -> None:
    assert "bone-metastasis" in problem(code=coded(code, system)).concepts


def test_marrow_alone_is_no_bone_metastasis() -> None:
    concepts = problem(code=coded("C79.52", ICD10CM)).concepts
    assert "bone-marrow-metastasis" in concepts
    assert "bone-metastasis" not in concepts


def test_a_metastasis_of_a_named_bone_is_a_bone_metastasis_there() -> None:
    femur = problem(code=coded("94300004"))
    assert {"bone-metastasis", "bone-metastasis-long-bone"} <= femur.concepts
    assert femur.sites == (Site("femur"),)
    assert femur.name == "bone-metastasis"


def test_the_body_site_narrows_what_the_code_says() -> None:
    found = problem(code=coded("94300004"), bodySite=[coded("29627003")])
    assert found.sites == (Site("proximal-femur", "peritrochanteric"),)


def test_a_generic_metastasis_of_a_bone_is_a_bone_metastasis_and_marked() -> None:
    for code, system in (("128462008", SNOMED), ("C79.9", ICD10CM)):
        concepts = problem(code=coded(code, system), bodySite=[coded("71341001")]).concepts
        assert {"bone-metastasis", "bone-metastasis-by-site"} <= concepts
    by_topography = problem(code=coded("128462008"), bodySite=[coded("C41.2", ICDO3)])
    assert "bone-metastasis-by-site" in by_topography.concepts
    assert by_topography.sites == (Site("vertebra", "spine"),)


@pytest.mark.parametrize(
    "elements",
    [
        {"code": coded("128462008")},  # no site
        {"code": coded("128462008"), "bodySite": [coded("10200004")]},  # liver
        {"code": coded("128462008"), "bodySite": [coded("61685007")]},  # lower limb: soft tissue or bone
        {"code": coded("94381002"), "bodySite": [coded("113197003")]},  # a liver metastasis, whatever the site says
    ],
)
def test_other_metastases_are_not_of_bone(elements: dict[str, Any]) -> None:
    assert "bone-metastasis" not in problem(**elements).concepts


def test_a_generic_cancer_with_a_topography_names_its_primary() -> None:
    assert "primary-breast" in problem(code=coded("363346000"), bodySite=[coded("C50.4", ICDO3)]).concepts
    bone = problem(code=coded("363346000"), bodySite=[coded("C41.2", ICDO3)]).concepts
    assert not {name for name in bone if name.startswith("primary-")}


def test_the_histology_extension_is_read() -> None:
    url = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior"
    found = problem(code=coded("363358000"), extension=[{"url": url, "valueCodeableConcept": coded("8140/3", ICDO3)}])
    assert "histology-adenocarcinoma" in found.histology
    assert {"primary-lung", "histology-adenocarcinoma"} <= set(found.names)


def test_osteonecrosis_is_of_the_jaw_by_code_or_by_site() -> None:
    assert "onj" in problem(code=coded("M87.180", ICD10CM)).concepts
    assert "onj" in problem(code=coded("M87.1", ICD10), bodySite=[coded("91609006")]).concepts
    assert "onj" not in problem(code=coded("M87.1", ICD10)).concepts
    assert "onj" not in problem(code=coded("M87.1", ICD10), bodySite=[coded("71341001")]).concepts
    assert "onj" not in problem(code=coded("K10.2", ICD10), bodySite=[coded("91609006")]).concepts


@pytest.mark.parametrize(
    ("code", "present"), [("M84.551A", True), ("M84.551K", True), ("M84.551D", False), ("M84.551S", False)]
)
def test_a_healing_fracture_and_a_sequela_are_no_present_fracture(code: str, present: bool) -> None:
    found = problem(code=coded(code, ICD10CM))
    assert "pathological-fracture" in found.concepts
    assert found.present is present
    assert found.sites == (Site("femur", side="right"),)


@pytest.mark.parametrize(
    ("code", "system", "stated"),
    [
        ("Z17.0", ICD10CM, {"er": "positive"}),
        ("Z17.22", ICD10CM, {"pr": "negative"}),
        ("Z17.420", ICD10CM, {"er": "negative", "pr": "negative", "her2": "positive"}),
        ("706970001", SNOMED, {"er": "negative", "pr": "negative", "her2": "negative"}),
        ("417181009", SNOMED, {}),  # hormone receptor positive: oestrogen or progesterone, not said which
    ],
)
def test_receptors_a_diagnosis_states(code: str, system: str, stated: dict[str, str]) -> None:
    found = outcomes({"code": coded(code, system)})
    assert {one.marker: one.value for one in found if isinstance(one, Marker)} == stated
    suspected = outcomes({"code": coded(code, system), "verificationStatus": status("provisional")})
    assert [one for one in suspected if isinstance(one, Marker)] == []


PRESENT, ABSENT, UNCLEAR = coded("52101004"), coded("2667000"), coded("82334004")


@pytest.mark.parametrize(
    ("value", "certainty"),
    [
        ({"valueCodeableConcept": PRESENT}, "confirmed"),
        ({"valueCodeableConcept": coded("LA9633-4", "http://loinc.org")}, "confirmed"),
        ({"valueBoolean": True}, "confirmed"),
        ({"valueCodeableConcept": UNCLEAR}, "suspected"),
    ],
)
def test_a_bone_metastasis_observed(value: dict[str, Any], certainty: str) -> None:
    found = problem(
        resourceType="Observation",
        status="final",
        code=coded(BONE),
        effectiveDateTime="2026-05-01",
        bodySite=coded("33766003"),
        **value,
    )
    assert found.certainty == certainty
    assert found.present
    assert found.sites == (Site("vertebra", "spine", "T9"),)
    assert str(found.evidence.when) == "2026-05-01"


@pytest.mark.parametrize("value", [{"valueCodeableConcept": ABSENT}, {"valueBoolean": False}])
def test_a_bone_metastasis_not_seen_is_none(value: dict[str, Any]) -> None:
    assert outcomes({"resourceType": "Observation", "status": "final", "code": coded(BONE), **value}) == []


@pytest.mark.parametrize(
    ("value", "why", "element"),
    [
        ({}, "unreadable", "value"),
        ({"valueString": "present"}, "unreadable", "valueString"),
        ({"dataAbsentReason": coded("not-performed", "x")}, "absent: not-performed", "dataAbsentReason"),
    ],
)
def test_an_observed_metastasis_without_an_answer_is_unknown(value: dict[str, Any], why: str, element: str) -> None:
    (skip,) = outcomes({"resourceType": "Observation", "status": "final", "code": coded(BONE), **value})
    assert isinstance(skip, Skipped)
    assert (skip.why, skip.element) == (why, element)
    assert "bone-metastasis" in skip.names


def test_a_history_of_metastases_and_its_reversal() -> None:
    history = {"resourceType": "Observation", "status": "final", "code": coded("1287652008")}
    assert problem(**history, valueBoolean=True).certainty == "confirmed"
    assert problem(**history, valueBoolean=False).certainty == "refuted"
    assert problem(**history, valueBoolean=True).present is False


def test_an_observation_that_is_no_result_is_ignored() -> None:
    code = {"resourceType": "Observation", "code": coded(BONE), "valueBoolean": True}
    assert outcomes({**code, "status": "entered-in-error"}) == []
    assert isinstance(outcomes({**code, "status": "odd"})[0], Skipped)


def test_a_public_record_without_a_clinical_status(realdata: Path) -> None:
    bundle = json.loads((realdata / "mcode-app_TrialMatching_Patient02.json").read_text())
    conditions = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Condition"]
    found = [one for resource in conditions for one in outcomes(resource) if isinstance(one, Problem)]
    bone = [one for one in found if "bone-metastasis" in one.concepts]
    assert [(one.certainty, one.present) for one in bone] == [("confirmed", True)]
    assert any("primary-breast" in one.concepts for one in found)


def test_no_value_of_the_patient_is_in_what_was_skipped() -> None:
    (skip,) = outcomes({"code": {**coded(BONE), "text": "SECRET"}, "verificationStatus": status("SECRET")})
    assert "SECRET" not in msgspec.json.encode(skip).decode()
