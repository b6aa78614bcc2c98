"""Laboratory values: every shape a value has, and the look-alikes that must not pass for it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings.chart import Chart, Skipped
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE
from fhir_mappings.labs import PREFETCH, READERS, Lab
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.terminology import Terminology

LOINC = "http://loinc.org"
TERMINOLOGY = Terminology.load()
AS_OF = date(2026, 11, 21)
CALCIUM, CALCIUM_URINE, ALBUMIN, CREATININE = "2000-8", "2004-0", "1751-7", "14682-9"
IONISED, IONISED_TRAP = "1995-0", "13959-2"
D_TOTAL, D3, D2 = "62292-8", "1989-3", "49054-0"
BONE_ALP = "17838-4"


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def observation(*codes: str, **elements: Any) -> dict[str, Any]:
    return {"id": "lab-1", "status": "final", "code": coded(*codes), "effectiveDateTime": "2026-11-20", **elements}


def quantity(value: float | str, unit: str | None = None, **more: Any) -> dict[str, Any]:
    return {"value": value, **({"unit": unit} if unit else {}), **more}


def read(resource: dict[str, Any]) -> list[Any]:
    (_, reader), shelf = READERS[0], Shelf(TERMINOLOGY, as_of=AS_OF)
    view = decoder(reader.view).decode(json.dumps(resource))
    return list(reader.read(view, shelf.concepts(view.code), shelf))


def one(resource: dict[str, Any]) -> Any:
    found = read(resource)
    assert len(found) == 1, found
    return found[0]


def test_a_calcium_in_conventional_units() -> None:
    lab = one(observation(CALCIUM, valueQuantity=quantity(12.0, "mg/dL")))
    assert (lab.analyte, lab.value, lab.unit) == ("calcium-total", Range.of(Decimal("2.994")), "mmol/L")  # x 0.2495
    assert lab.evidence.original == "12.0 mg/dL"
    assert lab.evidence.reference == "Observation/lab-1"
    assert str(lab.evidence.when) == "2026-11-20"
    assert lab.shown == "2.994 mmol/L"


@pytest.mark.parametrize(
    ("value", "expected", "original"),
    [
        ({"valueQuantity": quantity("2.90", "mmol/L")}, Range.of(Decimal("2.90")), "2.90 mmol/L"),
        (
            {"valueQuantity": quantity(2.9, "mmol/L", comparator=">")},
            Range(Decimal("2.9"), INFINITY, lo_open=True),
            ">2.9 mmol/L",
        ),
        ({"valueString": "2.9 mmol/L"}, Range.of(Decimal("2.9")), "2.9 mmol/L"),
        ({"valueString": "< 2.0mmol/L"}, Range(-INFINITY, Decimal("2.0"), hi_open=True), "< 2.0mmol/L"),
        ({"valueString": "≥ 11.6 mg/dL"}, Range(Decimal("2.8942"), INFINITY), "≥ 11.6 mg/dL"),  # 11.6 x 0.2495
        (
            {"valueRange": {"low": quantity(2.1, "mmol/L"), "high": quantity(2.3, "mmol/L")}},
            Range.of(Decimal("2.1"), Decimal("2.3")),
            "2.1 mmol/L - 2.3 mmol/L",
        ),
        ({"valueRange": {"low": quantity(2.1, "mmol/L")}}, Range(Decimal("2.1"), INFINITY), "2.1 mmol/L"),
    ],
)
def test_shapes_of_a_value(value: dict[str, Any], expected: Range, original: str) -> None:
    lab = one(observation(CALCIUM, **value))
    assert (lab.value, lab.evidence.original) == (expected, original)


@pytest.mark.parametrize(
    ("value", "why", "element"),
    [
        ({"valueQuantity": quantity(2.9)}, UNIT_NOT_UNDERSTOOD, "valueQuantity"),
        ({"valueQuantity": quantity(2.9, "meq/L")}, UNIT_NOT_UNDERSTOOD, "valueQuantity"),
        ({"valueQuantity": {"unit": "mmol/L"}}, UNREADABLE, "valueQuantity"),
        ({"valueQuantity": quantity(9.6, "mmol/L")}, UNREADABLE, "valueQuantity"),
        ({"valueInteger": 3}, UNIT_NOT_UNDERSTOOD, "valueInteger"),
        ({"valueDecimal": 2.9}, UNIT_NOT_UNDERSTOOD, "valueDecimal"),
        ({"valueString": "2.9"}, UNIT_NOT_UNDERSTOOD, "valueString"),
        ({"valueString": "2,9 mmol/L"}, UNREADABLE, "valueString"),  # or is it two thousand nine hundred?
        ({"valueString": "high"}, UNREADABLE, "valueString"),
        ({"valueString": "2.9 mmol/L (was 3.1)"}, UNIT_NOT_UNDERSTOOD, "valueString"),
        ({"valueCodeableConcept": {"text": "high"}}, UNREADABLE, "valueCodeableConcept"),
        ({"valueRange": {"low": quantity(3, "mmol/L"), "high": quantity(2, "mmol/L")}}, UNREADABLE, "valueRange"),
        ({"valueRange": {"low": quantity(2)}}, UNIT_NOT_UNDERSTOOD, "valueRange"),
        ({}, UNREADABLE, "value"),
        ({"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}, "absent: not-performed", "dataAbsentReason"),
        ({"dataAbsentReason": {"text": "lost"}}, "absent: unknown", "dataAbsentReason"),
        (
            {"valueQuantity": quantity(0, "mmol/L"), "dataAbsentReason": {"coding": [{"code": "error"}]}},
            "absent: error",
            "dataAbsentReason",
        ),
    ],
)
def test_what_cannot_be_read_is_named_without_its_value(value: dict[str, Any], why: str, element: str) -> None:
    assert one(observation(CALCIUM, **value)) == Skipped("Observation/lab-1", why, element, ("calcium-total",))


@pytest.mark.parametrize(
    ("status", "preliminary"), [("final", False), ("amended", False), ("corrected", False), ("preliminary", True)]
)
def test_usable_statuses(status: str, preliminary: bool) -> None:
    lab = one(observation(CALCIUM, status=status, valueQuantity=quantity(2.4, "mmol/L")))
    assert lab.evidence.preliminary is preliminary


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered-in-error"])
def test_what_is_no_result_is_ignored(status: str) -> None:
    assert read(observation(CALCIUM, status=status, valueQuantity=quantity(2.4, "mmol/L"))) == []


@pytest.mark.parametrize("status", ["unknown", "foo", None])
def test_a_status_that_is_not_understood_leaves_the_value_unknown(status: str | None) -> None:
    skipped = one(observation(CALCIUM, status=status, valueQuantity=quantity(2.4, "mmol/L")))
    assert skipped == Skipped("Observation/lab-1", UNREADABLE, "status", ("calcium-total",))


@pytest.mark.parametrize(
    ("dated", "expected"),
    [
        ({"effectiveDateTime": "2026-11"}, "2026-11"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-11-01", "end": "2026-11-03"}}, "2026-11-03"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-11-01"}}, "2026-11-01"),
        ({"effectiveDateTime": None, "effectiveInstant": "2026-11-02T08:00:00Z"}, "2026-11-02"),
        ({"effectiveDateTime": None, "issued": "2026-11-04T08:00:00Z"}, "2026-11-04"),
        ({"issued": "2026-11-21T08:00:00Z"}, "2026-11-20"),
        ({"effectiveDateTime": "20/11/2026", "issued": "2026-11-21T08:00:00Z"}, "None"),
        ({"effectiveDateTime": None}, "None"),
    ],
)
def test_the_clinical_date(dated: dict[str, Any], expected: str) -> None:
    lab = one(observation(CALCIUM, valueQuantity=quantity(2.4, "mmol/L")) | dated)
    assert str(lab.evidence.when) == expected


# --- Look-alikes -----------------------------------------------------------------------------------------------------


def test_urine_beside_serum_is_a_contradiction() -> None:
    skipped = one(observation(CALCIUM, CALCIUM_URINE, valueQuantity=quantity(2.4, "mmol/L")))
    assert skipped == Skipped("Observation/lab-1", UNREADABLE, "code", ("calcium-total",))


def test_two_analytes_in_one_code_are_a_contradiction() -> None:
    skipped = one(observation(CALCIUM, ALBUMIN, valueQuantity=quantity(2.4, "mmol/L")))
    assert skipped == Skipped("Observation/lab-1", UNREADABLE, "code", ("albumin-serum", "calcium-total"))


def test_urine_alone_is_not_wanted() -> None:
    assert not TERMINOLOGY.concepts(LOINC, CALCIUM_URINE) & (READERS[0][1].wants or frozenset())


def test_a_mapped_local_code_beside_a_loinc_code_is_fine() -> None:
    resource = observation(CALCIUM, valueQuantity=quantity(2.4, "mmol/L"))
    resource["code"]["coding"].insert(0, {"system": "urn:lab", "code": "CA"})
    assert one(resource).analyte == "calcium-total"


def reference(low: float | None, high: float | None, unit: str | None = "mmol/L") -> list[dict[str, Any]]:
    return [{name: quantity(end, unit) for name, end in (("low", low), ("high", high)) if end is not None}]


@pytest.mark.parametrize(
    ("code", "ranges", "is_read"),
    [
        (IONISED, reference(1.15, 1.30), True),
        (IONISED, None, True),
        (IONISED, reference(1.99, None), True),
        (IONISED, reference(2.0, None), False),  # total calcium under the code of ionised
        (IONISED, reference(8.4, None, "mg/dL"), False),  # 8.4 x 0.2495 = 2.0958
        (IONISED_TRAP, reference(2.25, 2.65), False),  # HL7's own example
        (IONISED_TRAP, reference(1.15, 1.30), True),
        (IONISED_TRAP, reference(None, 1.30), False),
        (IONISED_TRAP, None, False),  # nothing tells
    ],
)
def test_ionised_calcium_is_believed_by_its_reference_range(code: str, ranges: Any, is_read: bool) -> None:
    found = one(observation(code, valueQuantity=quantity(1.45, "mmol/L"), referenceRange=ranges))
    if is_read:
        assert (found.analyte, found.value) == ("calcium-ionized", Range.of(Decimal("1.45")))
    else:
        assert found == Skipped("Observation/lab-1", UNREADABLE, "referenceRange", ("calcium-ionized",))


def test_bone_alp_by_mass_and_by_activity_are_two_analytes() -> None:
    mass = one(observation(BONE_ALP, valueQuantity=quantity(14, "ug/L"), referenceRange=reference(6, 20, None)))
    activity = one(observation(BONE_ALP, valueQuantity=quantity(30, "U/L"), referenceRange=reference(15, 41, "U/L")))
    assert (mass.analyte, mass.unit, mass.high) == ("alp-bone-specific", "ug/L", Range.of(20))
    assert (activity.analyte, activity.unit, activity.high) == ("alp-bone-specific-activity", "U/L", Range.of(41))
    unknown = one(observation(BONE_ALP, valueQuantity=quantity(14)))
    assert unknown == Skipped("Observation/lab-1", UNIT_NOT_UNDERSTOOD, "valueQuantity", ("alp-bone-specific",))


def test_gfr_in_ml_per_minute_is_named() -> None:
    skipped = one(observation("33914-3", valueQuantity=quantity(60, "mL/min")))
    assert skipped == Skipped("Observation/lab-1", UNIT_NOT_UNDERSTOOD, "valueQuantity", ("estimated-gfr",))


# --- Reference ranges ------------------------------------------------------------------------------------------------


def test_the_laboratory_limits_in_the_same_unit() -> None:
    lab = one(observation(CALCIUM, valueQuantity=quantity(10, "mg/dL"), referenceRange=reference(8, 10, None)))
    assert (lab.low, lab.high) == (Range.of(Decimal("1.996")), Range.of(Decimal("2.495")))  # 8 and 10 x 0.2495


def test_of_several_ranges_none_is_chosen() -> None:
    ranges = [*reference(30, 100, "U/L"), *reference(40, 130, "U/L")]
    lab = one(observation("6768-6", valueQuantity=quantity(120, "U/L"), referenceRange=ranges))
    assert (lab.low, lab.high) == (None, None)
    with_text = [{"text": "adults"}, *reference(30, 100, "U/L")]
    assert one(observation("6768-6", valueQuantity=quantity(120, "U/L"), referenceRange=with_text)).high == Range.of(
        100
    )


# --- Panels and vitamin D --------------------------------------------------------------------------------------------


def component(code: str, value: float, unit: str = "ng/mL") -> dict[str, Any]:
    return {"code": coded(code), "valueQuantity": quantity(value, unit)}


def test_components_are_read_and_the_unread_one_is_named_by_its_place() -> None:
    parts = [component(CALCIUM, 2.4, "mmol/L"), component(CREATININE, 90, "furlong"), component("2345-7", 5, "mmol/L")]
    lab, skipped = sorted(read(observation("24323-8", component=parts)), key=lambda found: isinstance(found, Skipped))
    assert lab.value == Range.of(Decimal("2.4"))
    assert skipped == Skipped(
        "Observation/lab-1", UNIT_NOT_UNDERSTOOD, "component[1].valueQuantity", ("creatinine-serum",)
    )


def latest(resources: list[dict[str, Any]], analyte: str) -> Any:
    labs = [lab for resource in resources for lab in read(resource) if isinstance(lab, Lab)]
    return Chart(labs, as_of=AS_OF).latest(Lab, analyte)


def test_a_component_is_believed_over_a_whole_and_that_over_a_text() -> None:
    text = observation(CALCIUM, id="z-text", valueString="2.1 mmol/L")
    whole = observation(CALCIUM, id="y-whole", valueQuantity=quantity(2.2, "mmol/L"))
    panel = observation("24323-8", id="a-panel", component=[component(CALCIUM, 2.3, "mmol/L")])
    assert latest([text, whole], "calcium-total").value == Range.of(Decimal("2.2"))
    assert latest([panel, whole, text], "calcium-total").value == Range.of(Decimal("2.3"))


@pytest.mark.parametrize(
    ("code", "unit", "better", "worse"),
    [
        (CALCIUM, "mmol/L", 2.7, 3.6),
        (ALBUMIN, "g/L", 40, 28),
        (CREATININE, "umol/L", 80, 160),
        ("777-3", "10*9/L", 200, 40),
    ],
)
def test_of_one_instant_the_worse_value_counts(code: str, unit: str, better: float, worse: float) -> None:
    """Data contract 1.7, whichever of the two resources has the later id."""
    for first, second in [(better, worse), (worse, better)]:
        a, b = (
            observation(code, id=name, valueQuantity=quantity(v, unit)) for name, v in (("a", first), ("b", second))
        )
        assert latest([a, b], one(a).analyte).value == Range.of(Decimal(str(worse)))


def test_a_later_value_counts_though_it_is_the_better_one() -> None:
    worse = observation(CALCIUM, id="b", valueQuantity=quantity(3.6, "mmol/L"), effectiveDateTime="2026-11-19")
    better = observation(CALCIUM, id="a", valueQuantity=quantity(2.7, "mmol/L"))
    assert latest([better, worse], "calcium-total").value == Range.of(Decimal("2.7"))


def test_total_vitamin_d_is_believed_over_d3_alone() -> None:
    total = observation(D_TOTAL, id="a", valueQuantity=quantity(30, "ng/mL"))
    d3 = observation(D3, id="b", valueQuantity=quantity(10, "ng/mL"))
    assert latest([d3], "vitamin-d-25oh").value == Range.of(Decimal("24.960"))  # 10 x 2.496
    assert latest([d3, total], "vitamin-d-25oh").value == Range.of(Decimal("74.880"))  # 30 x 2.496


def test_vitamin_d2_alone_is_not_vitamin_d() -> None:
    lab = one(observation(D2, valueQuantity=quantity(4, "ng/mL")))
    assert (lab.analyte, lab.value) == ("vitamin-d2-25oh", Range.of(Decimal("9.984")))  # 4 x 2.496


def test_a_panel_of_d2_and_d3_is_their_sum() -> None:
    panel = observation(D_TOTAL, component=[component(D2, 4), component(D3, 10)])
    found = latest([panel], "vitamin-d-25oh")
    assert found.value == Range.of(Decimal("34.944"))  # (4 + 10) x 2.496
    assert found.evidence.original == "4 ng/mL + 10 ng/mL"


def test_a_panel_with_a_total_is_not_summed() -> None:
    panel = observation(D_TOTAL, valueQuantity=quantity(20, "ng/mL"), component=[component(D2, 4), component(D3, 10)])
    assert latest([panel], "vitamin-d-25oh").value == Range.of(Decimal("49.920"))  # 20 x 2.496


# --- Prefetch and real records ---------------------------------------------------------------------------------------


def test_the_search_names_concepts_the_terminology_knows() -> None:
    assert all(TERMINOLOGY.codes(concept) for concept in PREFETCH["labs"].concepts)
    assert set(PREFETCH["labs"].concepts) == READERS[0][1].wants


def test_hl7s_laboratory_example(realdata: Path) -> None:
    bundle = json.loads((realdata / "hl7r4_Bundle-ghp.json").read_text("utf-8"))
    wants = READERS[0][1].wants or frozenset()
    found: dict[str, Any] = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Observation" and any(
            TERMINOLOGY.concepts(coding.get("system"), coding.get("code")) & wants
            for coding in resource["code"]["coding"]
        ):
            found |= {name: one for one in read(resource) for name in one.names}
    values = {name: lab.shown for name, lab in found.items() if isinstance(lab, Lab)}
    assert values == {
        "calcium-total": "2.38 mmol/L",
        "albumin-serum": "42 g/L",
        "creatinine-serum": "90 umol/L",  # written 0.09 mmol/L
        "alp-total": "108 U/L",
        "haemoglobin": "176 g/L",
        "platelets": "444 10*9/L",
        "wbc": "4.6 10*9/L",
        "neutrophils-abs": "0.9 10*9/L",
    }
    assert found["calcium-ionized"].why == UNREADABLE  # adjusted total calcium under the code of ionised
