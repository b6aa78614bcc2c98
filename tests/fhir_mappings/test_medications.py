"""Drugs as FHIR writes them: which resources count, which drug, which day, which dose, and what stays unread."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fhir_mappings import medications
from fhir_mappings.chart import Skipped
from fhir_mappings.medications import DrugRecord
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.terminology import Terminology

AS_OF = date(2026, 11, 21)
TERMINOLOGY = Terminology.load()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SNOMED = "http://snomed.info/sct"
GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"

DENOSUMAB = {"coding": [{"system": ATC, "code": "M05BX04", "display": "denosumab"}]}
XGEVA = {"coding": [{"system": RXNORM, "code": "1046398", "display": "1.7 ML denosumab 70 MG/ML Injection"}]}
PROLIA = {"coding": [{"system": RXNORM, "code": "993452"}]}
ZOLEDRONATE_4 = {"coding": [{"system": RXNORM, "code": "351114"}]}
ZOLEDRONATE = {"coding": [{"system": RXNORM, "code": "77655"}]}
ASPIRIN_LIKE = {"coding": [{"system": "http://example.org/drugs", "code": "1234"}]}


def read(resource: dict[str, Any], *others: dict[str, Any], draft: bool = False) -> list[DrugRecord | Skipped]:
    """What the readers of this resource type make of it; ``others`` lie on the shelf by Type/id and by fullUrl."""
    shelf = Shelf(TERMINOLOGY, as_of=AS_OF, draft=draft)
    for other in others:
        raw = msgspec.Raw(msgspec.json.encode(other))
        shelf.put(f"{other['resourceType']}/{other['id']}", raw)
        shelf.put(f"urn:uuid:{other['id']}", raw)
    outcomes: list[Any] = []
    for kind, reader in medications.READERS:
        view = decoder(reader.view).decode(msgspec.json.encode(resource))
        concepts = shelf.concepts(getattr(view, "code", None))
        if kind == resource["resourceType"] and (reader.wants is None or reader.wants & concepts):
            outcomes.extend(reader.read(view, concepts, shelf))
    return outcomes


def one(resource: dict[str, Any], *others: dict[str, Any], draft: bool = False) -> DrugRecord:
    [found] = read(resource, *others, draft=draft)
    assert isinstance(found, DrugRecord), found
    return found


def request(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": DENOSUMAB,
        "authoredOn": "2026-10-01",
    } | elements


def given(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": "a",
        "status": "completed",
        "medicationCodeableConcept": DENOSUMAB,
        "effectiveDateTime": "2026-10-01",
    } | elements


def statement(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement",
        "id": "s",
        "status": "active",
        "medicationCodeableConcept": DENOSUMAB,
    } | elements


def dosed(value: float | str, unit: str, **more: Any) -> list[dict[str, Any]]:
    return [{"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]} | more]


def every(period: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"repeat": {"frequency": 1, "period": period, "periodUnit": unit} | more}


# --- which resources count ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["active", "completed", "stopped", "on-hold", "cancelled", "draft", "unknown"])
def test_an_order_keeps_its_status(status: str) -> None:
    record = one(request(status=status))
    assert (record.record, record.status, str(record.evidence.when)) == ("ordered", status, "2026-10-01")


def test_an_r5_order_that_ran_its_course_is_completed() -> None:
    assert one(request(status="ended")).status == "completed"


def test_an_order_that_is_no_order_is_nothing() -> None:
    for elements in (
        {"intent": "proposal"},
        {"intent": "plan"},
        {"intent": "option"},
        {"doNotPerform": True},
        {"status": "entered-in-error"},
    ):
        assert read(request(**elements)) == []


@pytest.mark.parametrize(("elements", "element"), [({"intent": None}, "intent"), ({"status": "aktiv"}, "status")])
def test_an_order_that_cannot_be_understood_is_named(elements: dict[str, Any], element: str) -> None:
    [skip] = read(request(**elements))
    assert skip == Skipped("MedicationRequest/r", "unreadable", element, ("med-denosumab",))


def test_a_draft_needs_neither_status_nor_intent_and_a_drafted_stop_stays_a_stop() -> None:
    assert one(request(status=None, intent=None), draft=True).status == "draft"
    assert one(request(status="active", intent="proposal"), draft=True).status == "draft"
    for status in ("stopped", "cancelled", "on-hold"):
        assert one(request(status=status), draft=True).status == status
    assert one(request(status="draft", intent="plan")).status == "draft"  # in a plain file, whatever its intent
    assert read(request(status=None, doNotPerform=True), draft=True) == []


@pytest.mark.parametrize("status", ["completed", "in-progress", "stopped"])
def test_a_dose_given_counts_even_when_it_was_stopped_midway(status: str) -> None:
    assert (one(given(status=status)).record, one(given(status=status)).status) == ("given", status)


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_a_dose_not_given_is_nothing(status: str) -> None:
    assert read(given(status=status)) == []


def test_a_dose_of_unknown_fate_is_neither_given_nor_absent() -> None:
    [skip] = read(given(status="unknown"))
    assert skip == Skipped("MedicationAdministration/a", "unreadable", "status", ("med-denosumab",))


def test_a_statement_counts_unless_it_says_not_taken_or_only_intended() -> None:
    for status in ("active", "completed", "stopped", "on-hold"):
        assert one(statement(status=status)).record == "stated"
    for status in ("intended", "not-taken", "entered-in-error"):
        assert read(statement(status=status)) == []


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("taking", "active"),
        ("taking-as-directed", "active"),
        ("on-hold", "on-hold"),
        ("stopped-not-as-directed", "stopped"),
    ],
)
def test_an_r5_statement_says_in_adherence_whether_the_drug_is_taken(word: str, status: str) -> None:
    system = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
    elements = {"status": "recorded", "medicationCodeableConcept": None, "medication": {"concept": DENOSUMAB}}
    adherence = {"code": {"coding": [{"system": system, "code": word}]}}
    assert one(statement(**elements, adherence=adherence)).status == status
    assert one(statement(**elements)).status == "unknown"
    adherence["code"]["coding"][0]["code"] = "not-taking"
    assert read(statement(**elements, adherence=adherence)) == []


def test_a_dispense_counts_when_it_was_handed_over() -> None:
    dispense = {
        "resourceType": "MedicationDispense",
        "id": "d",
        "status": "completed",
        "medicationCodeableConcept": XGEVA,
        "whenPrepared": "2026-09-30",
        "whenHandedOver": "2026-10-01",
    }
    record = one(dispense)
    assert (record.record, str(record.evidence.when), record.dose_mg) == ("dispensed", "2026-10-01", 120)
    for status in ("declined", "cancelled", "preparation", "in-progress"):
        assert read(dispense | {"status": status}) == []


def test_an_injection_code_is_a_dose_given_of_a_size_not_told() -> None:
    claim = {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": {"coding": [{"system": HCPCS, "code": "J0897"}]},
        "performedDateTime": "2026-09-01",
    }
    record = one(claim)
    assert (record.record, record.names, str(record.evidence.when)) == ("given", ("med-denosumab",), "2026-09-01")
    assert record.dose_mg is None  # 1 mg a unit, and the Procedure has no units
    assert read(claim | {"status": "not-done"}) == []


# --- which drug --------------------------------------------------------------------------------------------------


def test_the_drug_by_contained_absolute_relative_and_urn_reference() -> None:
    medication = {"resourceType": "Medication", "id": "med2", "code": XGEVA}
    for reference in (
        "#med2",
        "Medication/med2",
        "https://ehr.example.org/fhir/Medication/med2/_history/3",
        "urn:uuid:med2",
    ):
        order = request(medicationCodeableConcept=None, medicationReference={"reference": reference})
        record = one(order | {"contained": [medication]}) if reference == "#med2" else one(order, medication)
        assert {"med-denosumab", "med-denosumab-120"} <= record.concepts, reference


def test_the_drug_by_its_ingredients() -> None:
    medication = {
        "resourceType": "Medication",
        "id": "m",
        "code": ASPIRIN_LIKE,
        "ingredient": [{"itemReference": {"reference": "#sub"}}, {"itemCodeableConcept": ZOLEDRONATE}],
    }
    order = request(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    assert {"med-zoledronic-acid", "med-bisphosphonate-any"} <= one(order, medication).concepts


def test_an_r5_order_names_its_drug_and_reason_in_codeable_references() -> None:
    condition = {"resourceType": "Condition", "id": "c", "code": {"coding": [{"system": SNOMED, "code": "94222008"}]}}
    order = request(
        medicationCodeableConcept=None,
        medication={"reference": {"reference": "#m"}},
        contained=[{"resourceType": "Medication", "id": "m", "code": DENOSUMAB}],
        reason=[{"reference": {"reference": "Condition/c"}}],
        status="stopped",
        statusChanged="2026-10-20T08:00:00Z",
        effectiveDosePeriod={"start": "2025-01-01"},
    )
    record = one(order, condition)
    assert record.concepts == {"med-denosumab"}
    assert "bone-metastasis" in record.reasons
    assert (str(record.start), str(record.stop)) == ("2025-01-01", "2026-10-20")


def test_text_names_a_drug_only_where_it_has_no_code_anywhere() -> None:
    record = one(request(medicationCodeableConcept={"text": "注射用因卡膦酸二钠 10mg"}))
    assert "med-incadronate" in record.concepts
    [skip] = read(request(medicationCodeableConcept={"text": "Denosumab 120 mg"}))
    assert isinstance(skip, Skipped)
    assert (skip.why, skip.element) == ("unreadable", "medicationCodeableConcept")


@pytest.mark.parametrize("reference", ["#gone", "Medication/gone", "urn:uuid:gone", None])
def test_a_drug_that_cannot_be_looked_up_might_have_been_any(reference: str | None) -> None:
    named = {"reference": reference, "display": "Nizatidine"}
    [skip] = read(request(medicationCodeableConcept=None, medicationReference=named))
    assert isinstance(skip, Skipped)
    assert (skip.reference, skip.why, skip.element) == ("MedicationRequest/r", "unreadable", "medicationReference")
    assert {"med-denosumab", "med-zoledronic-acid", "med-opioid-strong"} <= set(skip.names)
    assert "Nizatidine" not in str(skip)


def test_a_drug_no_rule_uses_is_passed_over_in_silence() -> None:
    assert read(request(medicationCodeableConcept=ASPIRIN_LIKE)) == []
    assert read(given(status="unknown", medicationCodeableConcept=ASPIRIN_LIKE)) == []


# --- which day ---------------------------------------------------------------------------------------------------


def test_a_dose_over_a_period_was_given_at_its_end() -> None:
    period = {"start": "2026-10-01T09:00:00Z", "end": "2026-10-02T01:00:00Z"}
    assert str(one(given(effectiveDateTime=None, effectivePeriod=period)).evidence.when) == "2026-10-02"
    ahead = {"start": "2026-11-20", "end": "2026-12-20"}  # still running on 21 November
    assert str(one(given(effectiveDateTime=None, effectivePeriod=ahead)).evidence.when) == "2026-11-20"
    r5 = given(effectiveDateTime=None, occurenceDateTime="2026-10-03")
    assert str(one(r5).evidence.when) == "2026-10-03"


def test_a_drug_still_taken_is_vouched_for_on_the_day_that_was_said() -> None:
    open_period = {"start": "2024-01-01"}
    taken = one(statement(effectivePeriod=open_period, dateAsserted="2026-11-01"))
    assert (str(taken.evidence.when), str(taken.start), taken.stop) == ("2026-11-01", "2024-01-01", None)
    over = one(statement(effectivePeriod={"start": "2024-01-01", "end": "2026-05"}, dateAsserted="2026-11-01"))
    assert str(over.evidence.when) == "2026-05"
    stopped = one(statement(status="stopped", effectivePeriod=open_period, dateAsserted="2026-11-01"))
    assert str(stopped.evidence.when) == "2024-01-01"


def test_the_day_a_dose_is_meant_for() -> None:
    events = one(request(dosageInstruction=[{"timing": {"event": ["2026-12-10", "2026-11-24T09:00:00+08:00"]}}]))
    assert str(events.scheduled) == "2026-11-24"
    bounds = one(request(dosageInstruction=[{"timing": every(4, "wk", boundsPeriod={"start": "2026-12-01"})}]))
    assert (str(bounds.scheduled), str(bounds.start)) == ("2026-12-01", "2026-12-01")
    valid = one(request(dispenseRequest={"validityPeriod": {"start": "2026-10-02", "end": "2027-10-02"}}))
    assert (valid.scheduled, str(valid.start), str(valid.stop)) == (None, "2026-10-02", "2027-10-02")


# --- how much, how often, how fast, which way --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drug", "dose", "milligrams"),
    [
        (DENOSUMAB, (120, "mg"), "120"),
        (DENOSUMAB, (0.12, "g"), "120"),  # 0.12 x 1000
        (DENOSUMAB, (120000, "ug"), "120"),  # 120000 x 0.001
        (XGEVA, (1.7, "mL"), "120"),  # the whole container, labelled 120 mg (1.7 x 70 = 119)
        (XGEVA, (0.85, "mL"), "60"),  # 0.85 x 120 / 1.7
        (XGEVA, (1, "vial"), "120"),
        (PROLIA, (1, "mL"), "60"),  # 60 mg/mL
        (ZOLEDRONATE_4, (5, "mL"), "4"),  # the whole concentrate
        (ZOLEDRONATE_4, (100, "mL"), "4"),  # diluted, or the ready-to-use bottle
        (ZOLEDRONATE_4, (3.5, "mg"), "3.5"),
    ],
)
def test_one_dose_in_mg(drug: dict[str, Any], dose: tuple[float, str], milligrams: str) -> None:
    record = one(request(medicationCodeableConcept=drug, dosageInstruction=dosed(*dose)))
    assert record.dose_mg == Decimal(milligrams)


@pytest.mark.parametrize(("drug", "milligrams"), [(XGEVA, 120), (PROLIA, 60), (ZOLEDRONATE_4, 4), (DENOSUMAB, None)])
def test_without_a_written_dose_a_product_is_one_container(drug: dict[str, Any], milligrams: int | None) -> None:
    assert one(request(medicationCodeableConcept=drug)).dose_mg == milligrams


@pytest.mark.parametrize(
    ("drug", "dosage"),
    [
        (XGEVA, dosed(2, "{pill}")),  # written, not understood: not the product's 120
        (XGEVA, dosed(-1, "mg")),
        (XGEVA, dosed("1e999999", "g")),
        (XGEVA, [{"doseAndRate": [{"doseRange": {"low": {"value": 60, "unit": "mg"}}}]}]),
        (XGEVA, [{"doseAndRate": [{"doseQuantity": {"value": 120, "unit": "mg", "comparator": "<"}}]}]),
        (DENOSUMAB, dosed(1.7, "mL")),  # which strength?
        (DENOSUMAB, dosed(1, "vial")),
        (ZOLEDRONATE_4, dosed(4.4, "mL")),  # of the concentrate or of the diluted 100 mL?
        (DENOSUMAB, dosed(60, "mg") + dosed(120, "mg")),  # two doses are no one dose
    ],
)
def test_a_dose_that_is_not_one_known_number_is_unknown(drug: dict[str, Any], dosage: list[Any]) -> None:
    assert one(request(medicationCodeableConcept=drug, dosageInstruction=dosage)).dose_mg is None


def test_billing_units_of_an_injection_code() -> None:
    for code, units, milligrams in (("J0897", 120, 120), ("J2430", 3, 90)):  # 120 x 1 mg, 3 x 30 mg
        drug = {"coding": [{"system": HCPCS, "code": code}]}
        dosage = {"dose": {"value": units, "unit": "units"}}
        assert one(given(medicationCodeableConcept=drug, dosage=dosage)).dose_mg == milligrams


def test_a_dose_and_rate_sent_as_one_object() -> None:
    dosage = [{"doseAndRate": {"doseQuantity": {"value": 4, "code": "mg", "system": "http://unitsofmeasure.org"}}}]
    assert one(request(dosageInstruction=dosage)).dose_mg == 4
    assert one(request(dosageInstruction=dosage[0])).dose_mg == 4


@pytest.mark.parametrize(
    ("timing", "days"),
    [
        (every(4, "wk"), "28"),  # 4 x 7
        (every(1, "mo"), "30"),
        (every(6, "mo"), "180"),  # 6 x 30
        (every(1, "a"), "365"),
        (every(42, "d"), "42"),
        (every(12, "h"), "0.5"),  # 12 / 24
        (every(1, "d", frequency=2), "0.5"),
        ({"repeat": {"period": 3, "periodUnit": "wk"}}, "21"),  # frequency is 1 when not written
        ({"code": {"coding": [{"system": GTS, "code": "MO"}]}}, "30"),
        ({"code": {"coding": [{"system": GTS, "code": "WK"}]}}, "7"),
        ({"code": {"coding": [{"system": GTS, "code": "BID"}]}}, "0.5"),  # 1 / 2
    ],
)
def test_the_ordered_interval_in_days(timing: dict[str, Any], days: str) -> None:
    assert one(request(dosageInstruction=[{"timing": timing}])).interval_days == Decimal(days)


@pytest.mark.parametrize(
    "timing",
    [
        every(3, "wk", periodMax=4),  # every 3 to 4 weeks
        every(0, "d"),
        every(4, "weeks"),
        {"repeat": {"frequency": 0, "period": 4, "periodUnit": "wk"}},
        {"code": {"text": "Q4W"}},
        {"code": {"coding": [{"system": "http://example.org", "code": "MO"}]}},
    ],
)
def test_an_interval_that_is_not_one_known_number_is_unknown(timing: dict[str, Any]) -> None:
    assert one(request(dosageInstruction=[{"timing": timing}])).interval_days is None


@pytest.mark.parametrize(
    ("dosage", "minutes"),
    [
        ({"timing": {"repeat": {"duration": 15, "durationUnit": "min"}}}, 15),
        ({"timing": {"repeat": {"duration": 2, "durationUnit": "h"}}}, 120),
        ({"timing": {"repeat": {"duration": 900, "durationUnit": "s"}}}, 15),  # 900 / 60
        # 100 mL at 400 mL/h: 100 / (400 / 60) = 15
        (
            {
                "doseAndRate": [
                    {"doseQuantity": {"value": 100, "unit": "mL"}, "rateQuantity": {"value": 400, "code": "mL/h"}}
                ]
            },
            15,
        ),
        # 90 mg, 45 mg over 1 h: 90 / (45 / 60) = 120
        (
            {
                "doseAndRate": [
                    {
                        "doseQuantity": {"value": 90, "unit": "mg"},
                        "rateRatio": {
                            "numerator": {"value": 45, "unit": "mg"},
                            "denominator": {"value": 1, "code": "h"},
                        },
                    }
                ]
            },
            120,
        ),
        # dose in mg, rate in mL: the volume is not written
        (
            {
                "doseAndRate": [
                    {"doseQuantity": {"value": 4, "unit": "mg"}, "rateQuantity": {"value": 400, "code": "mL/h"}}
                ]
            },
            None,
        ),
    ],
)
def test_the_infusion_time(dosage: dict[str, Any], minutes: int | None) -> None:
    assert one(request(medicationCodeableConcept=ZOLEDRONATE, dosageInstruction=[dosage])).infusion_minutes == minutes


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("47625008", "intravenous"),
        ("255560000", "intravenous"),
        ("34206005", "subcutaneous"),
        ("26643006", "oral"),
        ("6064005", "topical"),
        ("54485002", "topical"),  # into the eye
        ("418401004", "topical"),  # inside the eye
        ("72607000", None),  # intrathecal: none of our words
    ],
)
def test_the_route(code: str, word: str | None) -> None:
    route = {"coding": [{"system": SNOMED, "code": code}]}
    assert one(request(dosageInstruction=[{"route": route}])).route == word


def test_what_the_evidence_shows_and_whether_reasons_were_written() -> None:
    record = one(
        request(
            medicationCodeableConcept=XGEVA,
            status="stopped",
            statusReason={"text": "dental"},
            reasonCode=[{"coding": [{"system": SNOMED, "code": "94222008"}]}],
        )
    )
    assert record.shown == "1.7 ML denosumab 70 MG/ML Injection 120 mg"
    assert (record.evidence.reference, record.has_reason, record.status_reason) == ("MedicationRequest/r", True, True)
    assert "bone-metastasis" in record.reasons
    bare = one(request())
    assert (bare.has_reason, bare.status_reason, bare.reasons) == (False, False, frozenset())


def test_an_order_of_the_first_fhir_versions_is_named() -> None:
    old = {"resourceType": "MedicationOrder", "id": "o", "medicationCodeableConcept": DENOSUMAB}
    assert read(old) == [Skipped("MedicationOrder/o", "other FHIR version", "resourceType", ("med-denosumab",))]
    assert read(old | {"medicationCodeableConcept": ASPIRIN_LIKE}) == []
