"""The patient: age on a day, alive or not on that day; inpatient and hospice care that is in force on it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from fhir_mappings.chart import Skipped
from fhir_mappings.finding import UNREADABLE
from fhir_mappings.patient import PREFETCH, READERS, Care, Person
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.terminology import Terminology

AS_OF = date(2026, 11, 21)
TERMINOLOGY = Terminology.load()
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HOSPICE = {"coding": [{"system": "http://snomed.info/sct", "code": "385763009"}]}
PALLIATIVE = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "Z51.5"}]}


def read(kind: str, **elements: Any) -> list[Any]:
    shelf = Shelf(TERMINOLOGY, as_of=AS_OF)
    reader = dict(READERS)[kind]
    view = decoder(reader.view).decode(json.dumps({"resourceType": kind, "id": "x", **elements}))
    return list(reader.read(view, frozenset(), shelf))


def person(**elements: Any) -> Person:
    (found,) = read("Patient", **elements)
    assert isinstance(found, Person)
    return found


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ("1960-11-21", Range.of(66)),  # 2026 - 1960, birthday today
        ("1960-11-22", Range.of(65)),  # birthday tomorrow
        ("1960-11", Range.of(65, 66)),  # before or after the 21st
        ("1960-12", Range.of(65)),
        ("2008", Range.of(17, 18)),
        ("1960-02-29", Range.of(66)),
    ],
)
def test_age_in_completed_years(birth: str, age: Range) -> None:
    assert person(birthDate=birth).age_years(AS_OF) == age


def test_no_birth_date_is_an_unknown_age() -> None:
    assert person().age_years(AS_OF) is None


@pytest.mark.parametrize("birth", ["21/11/1960", "soon", "2027-01-01"])
def test_a_birth_date_that_cannot_be_is_named(birth: str) -> None:
    skipped, found = read("Patient", birthDate=birth)
    assert skipped == Skipped("Patient/x", UNREADABLE, "birthDate", ("age",))
    assert found.age_years(AS_OF) is None


@pytest.mark.parametrize(("gender", "sex"), [("female", "female"), ("unknown", "unknown"), ("F", None), (None, None)])
def test_sex_is_the_administrative_gender(gender: str | None, sex: str | None) -> None:
    assert person(gender=gender).sex == sex


@pytest.mark.parametrize(
    ("elements", "deceased"),
    [
        ({}, False),
        ({"deceasedBoolean": False}, False),
        ({"deceasedBoolean": True}, True),
        ({"deceasedDateTime": "2026-11-21"}, True),
        ({"deceasedDateTime": "2026-11"}, True),  # some day of this month, perhaps to come: the gate closes
        ({"deceasedDateTime": "2026-11-22"}, False),  # alive on the chart's day
        ({"deceasedDateTime": "last week"}, True),
    ],
)
def test_deceased_on_the_day_of_the_chart(elements: dict[str, Any], deceased: bool) -> None:
    assert person(**elements).deceased is deceased


def test_the_evidence_of_a_person_holds_no_value() -> None:
    found = person(birthDate="1960-11-21", gender="male")
    assert (found.evidence.reference, found.evidence.original, found.shown) == ("Patient/x", "", "")


# --- Inpatient -------------------------------------------------------------------------------------------------------


def r4(code: str, system: str | None = ACT_CODE) -> dict[str, Any]:
    return {"code": code, **({"system": system} if system else {})}


def r5(code: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": "urn:site", "code": "ward"}, r4(code)]}]


@pytest.mark.parametrize(
    "given",
    [r4("IMP"), r4("ACUTE"), r4("NONAC"), r4("IMP", None), r5("IMP"), r4("IMP", "http://hl7.org/fhir/v3/ActCode")],
)
@pytest.mark.parametrize("status", ["in-progress", "arrived", "onleave"])
def test_an_inpatient_stay_that_is_going_on(given: Any, status: str) -> None:
    (care,) = read("Encounter", status=status, period={"start": "2026-11-18T09:00:00Z"}, **{"class": given})
    assert (type(care), care.setting, care.names) == (Care, "inpatient", ("inpatient",))
    assert (care.evidence.reference, str(care.evidence.when)) == ("Encounter/x", "2026-11-18")


@pytest.mark.parametrize("given", [r4("AMB"), r4("EMER"), r4("IMP", "urn:site"), r5("AMB"), [], None])
def test_other_encounters_say_nothing(given: Any) -> None:
    assert read("Encounter", status="in-progress", **{"class": given}) == []


@pytest.mark.parametrize("status", ["planned", "finished", "cancelled", "entered-in-error", "discharged", "completed"])
def test_a_stay_that_is_not_now(status: str) -> None:
    assert read("Encounter", status=status, **{"class": r4("IMP")}) == []


def test_a_stay_left_open_after_its_end() -> None:
    over, today = {"start": "2026-11-01", "end": "2026-11-20"}, {"start": "2026-11-01", "end": "2026-11-21"}
    assert read("Encounter", status="in-progress", period=over, **{"class": r4("IMP")}) == []
    assert len(read("Encounter", status="in-progress", period=today, **{"class": r4("IMP")})) == 1


@pytest.mark.parametrize("status", ["unknown", None])
def test_a_stay_of_unknown_status_is_named(status: str | None) -> None:
    (skipped,) = read("Encounter", status=status, **{"class": r4("IMP")})
    assert skipped == Skipped("Encounter/x", UNREADABLE, "status", ("inpatient",))


# --- Hospice ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "element"),
    [("Flag", {"code": HOSPICE}), ("Flag", {"category": [HOSPICE]}), ("CarePlan", {"category": [HOSPICE]})],
)
def test_hospice_care_in_force(kind: str, element: dict[str, Any]) -> None:
    (care,) = read(kind, status="active", period={"start": "2026-10-01"}, **element)
    assert (care.setting, care.evidence.reference, str(care.evidence.when)) == ("hospice", f"{kind}/x", "2026-10-01")
    ended = {"start": "2026-10-01", "end": "2026-11-20"}
    assert read(kind, status="active", period=ended, **element) == []
    (skipped,) = read(kind, **element)
    assert skipped == Skipped(f"{kind}/x", UNREADABLE, "status", ("hospice",))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("Flag", "inactive"),
        ("Flag", "entered-in-error"),
        ("CarePlan", "draft"),
        ("CarePlan", "revoked"),
        ("CarePlan", "completed"),
        ("CarePlan", "on-hold"),
    ],
)
def test_hospice_care_not_in_force(kind: str, status: str) -> None:
    assert read(kind, status=status, category=[HOSPICE]) == []


def test_palliative_care_is_not_hospice() -> None:
    """It is often given together with active treatment."""
    assert read("CarePlan", status="active", category=[PALLIATIVE]) == []
    assert read("Flag", status="active", code={"text": "hospice"}) == []


def test_how_the_keys_are_filled() -> None:
    assert PREFETCH["patient"].read == "context.patientId"
    assert PREFETCH["encounter"].read == "context.encounterId"
    assert {key: search.resource_type for key, search in PREFETCH.items()} == {
        "patient": "Patient",
        "encounter": "Encounter",
        "flags": "Flag",
        "care-plans": "CarePlan",
    }
