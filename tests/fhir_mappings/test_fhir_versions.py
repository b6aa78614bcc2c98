"""R4 and R5 are read; what only older versions write is named by the element that tells."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fhir_mappings.charts import read_chart
from fhir_mappings.fhir_versions import version_mark
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.reading import Supplied, look
from fhir_mappings.terminology import Terminology

AS_OF = date(2026, 11, 21)
TERMINOLOGY = Terminology.load()
DENOSUMAB = {"coding": [{"system": "http://www.whocc.no/atc", "code": "M05BX04"}]}
CALCIUM = {"coding": [{"system": "http://loinc.org", "code": "17861-6"}]}
MG_PER_DL = {"value": 9.0, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}


def mark(resource_type: str, **elements: Any) -> str | None:
    return version_mark(resource_type, msgspec.json.encode({"resourceType": resource_type} | elements))


def supplied(*resources: dict[str, Any]) -> list[Supplied]:
    return [look(msgspec.Raw(msgspec.json.encode(resource))) for resource in resources]


@pytest.mark.parametrize(
    ("resource_type", "elements", "element"),
    [
        ("Observation", {"context": {"reference": "Encounter/1"}}, "context"),
        ("Observation", {"related": [{"target": {"reference": "Observation/1"}}]}, "related"),
        ("Observation", {"category": {"coding": []}}, "category"),
        (
            "MedicationRequest",
            {"dosageInstruction": [{"doseQuantity": {"value": 1}}]},
            "dosageInstruction.doseQuantity",
        ),
        ("MedicationRequest", {"dosageInstruction": {"doseQuantity": {"value": 1}}}, "dosageInstruction.doseQuantity"),
        ("MedicationStatement", {"taken": "n"}, "taken"),
        ("MedicationStatement", {"wasNotTaken": True}, "wasNotTaken"),
        ("MedicationStatement", {"dosage": [{"doseQuantity": {"value": 1}}]}, "dosage.doseQuantity"),
        ("MedicationAdministration", {"notGiven": False}, "notGiven"),
        ("MedicationAdministration", {"effectiveTimeDateTime": "2015-01-01"}, "effectiveTimeDateTime"),
        ("MedicationAdministration", {"dosage": {"quantity": {"value": 1}}}, "dosage.quantity"),
        ("MedicationDispense", {"notDone": True}, "notDone"),
        ("Procedure", {"notDone": True}, "notDone"),
        ("Procedure", {"notPerformed": False}, "notPerformed"),
    ],
)
def test_the_element_that_tells(resource_type: str, elements: dict[str, Any], element: str) -> None:
    assert mark(resource_type, **elements) == element


@pytest.mark.parametrize(
    ("resource_type", "elements"),
    [
        ("Observation", {"category": [{"coding": []}], "encounter": {"reference": "Encounter/1"}}),
        ("Observation", {"context": None}),
        ("MedicationAdministration", {"context": {"reference": "Encounter/1"}, "dosage": {"dose": {"value": 1}}}),
        ("MedicationStatement", {"context": {"reference": "Encounter/1"}, "category": {"coding": []}}),
        ("MedicationRequest", {"dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1}}]}]}),
        ("MedicationRequest", {"context": {"reference": "Encounter/1"}}),  # moved to encounter, nothing else changed
        ("Condition", {"clinicalStatus": "active"}),  # the same word, read as it is
        ("MedicationRequest", {"medication": {"concept": DENOSUMAB}, "statusChanged": "2026-01-01"}),  # R5
    ],
)
def test_r4_and_r5_shapes_tell_nothing(resource_type: str, elements: dict[str, Any]) -> None:
    assert mark(resource_type, **elements) is None


def test_one_resource_of_another_version_is_skipped_and_the_rest_is_read() -> None:
    calcium = {"resourceType": "Observation", "status": "final", "code": CALCIUM, "valueQuantity": MG_PER_DL}
    old = calcium | {"id": "old", "context": {"reference": "Encounter/1"}, "effectiveDateTime": "2026-11-02"}
    new = calcium | {"id": "new", "effectiveDateTime": "2026-11-01"}
    taken = {
        "resourceType": "MedicationStatement",
        "id": "s",
        "status": "active",
        "taken": "n",
        "medicationCodeableConcept": DENOSUMAB,
    }
    chart = read_chart(supplied(old, new, taken), terminology=TERMINOLOGY, as_of=AS_OF).chart
    assert [lab.evidence.reference for lab in chart.all(Lab)] == ["Observation/new"]
    assert [(skip.reference, skip.why, skip.element) for skip in chart.skipped] == [
        ("MedicationStatement/s", "other FHIR version", "taken"),
        ("Observation/old", "other FHIR version", "context"),
    ]
    assert chart.all(DrugRecord) == []
    assert not chart.lacks(DrugRecord, "med-denosumab")  # unknown is not no


def test_a_drug_record_that_breaks_the_rules_of_json_shapes_leaves_every_drug_unknown() -> None:
    broken = {"resourceType": "MedicationRequest", "id": "b", "authoredOn": 5}
    chart = read_chart(supplied(broken), terminology=TERMINOLOGY, as_of=AS_OF).chart
    [skip] = chart.skipped
    assert (skip.reference, skip.why, skip.element) == ("MedicationRequest/b", "unreadable", "authoredOn")
    assert not chart.lacks(DrugRecord, "med-denosumab")


def test_a_resource_no_reader_wants_or_that_says_nothing_is_not_named() -> None:
    heart_rate = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    other = {"resourceType": "Observation", "id": "hr", "code": heart_rate, "context": {"reference": "Encounter/1"}}
    mistake = other | {"id": "wrong", "status": "entered-in-error", "code": CALCIUM}
    chart = read_chart(supplied(other, mistake), terminology=TERMINOLOGY, as_of=AS_OF).chart
    assert chart.skipped == ()


def test_a_drafted_order_in_an_older_shape_is_named() -> None:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "d",
        "status": "draft",
        "medicationCodeableConcept": DENOSUMAB,
        "dosageInstruction": [{"doseQuantity": {"value": 120, "unit": "mg"}}],
    }
    reading = read_chart([], drafts=supplied(draft), terminology=TERMINOLOGY, as_of=AS_OF)
    drafts, skipped = reading.drafts, reading.chart.skipped
    assert drafts == []
    assert [(skip.element, skip.names) for skip in skipped] == [("dosageInstruction.doseQuantity", ("med-denosumab",))]


def test_a_real_stu3_request_under_an_r4_label(realdata: Path) -> None:
    request = msgspec.json.decode((realdata / "pddi_digoxin-order-select.json").read_bytes())
    resources = [
        entry["resource"]
        for bundle in request["prefetch"].values()
        if isinstance(bundle, dict)
        for entry in bundle.get("entry", [])
    ]
    chart = read_chart(supplied(*resources), terminology=TERMINOLOGY, as_of=date(2020, 3, 5), patient_id="f301").chart
    assert chart.person is not None  # the Patient reads the same in both versions
    assert chart.all(Lab) == []
    assert {skip.why for skip in chart.skipped} == {"other FHIR version"}
    assert {skip.element for skip in chart.skipped} <= {"context", "category"}
