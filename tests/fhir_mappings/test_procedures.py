"""Procedures done, planned, drafted and booked: which state, which day, which place, how much radiation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from fhir_mappings import procedures
from fhir_mappings.chart import Skipped
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Shelf, decoder
from fhir_mappings.terminology import LOCAL, Terminology

AS_OF = date(2026, 11, 21)
TERMINOLOGY = Terminology.load()
SNOMED = "http://snomed.info/sct"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition"
CODEX = "http://hl7.org/fhir/us/codex-radiation-therapy/StructureDefinition"


def local(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code}]}


def snomed(code: str) -> dict[str, Any]:
    return {"coding": [{"system": SNOMED, "code": code}]}


COURSE = snomed("1217123003")  # radiotherapy course of treatment


def read(resource: dict[str, Any], *others: dict[str, Any], draft: bool = False) -> list[ProcedureRecord | Skipped]:
    """What the readers of this resource type make of it; ``others`` lie on the shelf."""
    shelf = Shelf(TERMINOLOGY, as_of=AS_OF, draft=draft)
    for other in others:
        shelf.put(f"{other['resourceType']}/{other['id']}", msgspec.Raw(msgspec.json.encode(other)))
    coded = decoder(procedures.views.Value).decode(msgspec.json.encode(resource))
    outcomes: list[Any] = []
    for kind, reader in procedures.READERS:
        if kind == resource["resourceType"]:
            view = decoder(reader.view).decode(msgspec.json.encode(resource))
            outcomes.extend(reader.read(view, shelf.concepts(coded.code), shelf))
    return outcomes


def one(resource: dict[str, Any], *others: dict[str, Any], draft: bool = False) -> ProcedureRecord:
    [found] = read(resource, *others, draft=draft)
    assert isinstance(found, ProcedureRecord), found
    return found


def procedure(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "id": "p", "status": "completed", "code": COURSE} | elements


def order(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "o",
        "status": "active",
        "intent": "order",
        "code": local("tooth-extraction"),
    } | elements


def appointment(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": "v",
        "status": "booked",
        "serviceType": [local("tooth-extraction")],
        "start": "2026-12-01T09:30:00+08:00",
    } | elements


# --- done --------------------------------------------------------------------------------------------------------


def test_a_course_over_a_period_is_done_at_its_end() -> None:
    record = one(procedure(performedPeriod={"start": "2026-09-01", "end": "2026-09-14"}))
    assert (record.state, str(record.evidence.when), record.ended) == ("done", "2026-09-14", True)
    assert "proc-radiotherapy" in record.names
    r5 = one(procedure(occurrencePeriod={"start": "2026-09-01", "end": "2026-09-14"}))
    assert str(r5.evidence.when) == "2026-09-14"


def test_a_course_still_running_has_begun_and_not_ended() -> None:
    running = {"start": "2026-11-16", "end": "2026-11-27"}
    record = one(procedure(status="in-progress", performedPeriod=running))
    assert (record.state, str(record.evidence.when), record.ended) == ("done", "2026-11-16", False)


@pytest.mark.parametrize("status", ["not-done", "preparation", "entered-in-error"])
def test_what_was_not_done_is_nothing(status: str) -> None:
    assert read(procedure(status=status)) == []


@pytest.mark.parametrize("status", ["stopped", "on-hold", "unknown", None])
def test_what_may_have_been_done_is_named(status: str | None) -> None:
    [skip] = read(procedure(status=status))
    assert isinstance(skip, Skipped)
    assert (skip.reference, skip.why, skip.element) == ("Procedure/p", "unreadable", "status")
    assert "proc-radiotherapy" in skip.names


@pytest.mark.parametrize("code", ["429479009", "429164009"])  # history of radiation therapy, of laminectomy
def test_a_history_of_a_procedure_is_no_procedure(code: str) -> None:
    assert read(procedure(code=snomed(code))) == []
    both = {"coding": COURSE["coding"] + snomed("429479009")["coding"]}
    assert read(procedure(code=both)) == []


def test_an_injection_code_is_a_drug_and_no_procedure() -> None:
    code = {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J0897"}]}
    assert read(procedure(code=code)) == []


def test_local_codes_and_body_sites() -> None:
    fixed = one(procedure(code=local("long-bone-fixation"), bodySite=[snomed("71341001"), snomed("1")]))
    assert {"long-bone-fixation", "proc-long-bone-fixation"} <= fixed.concepts
    assert [site.bone for site in fixed.sites] == ["femur"]


def mcode_volume(centigray: int, fractions: int) -> dict[str, Any]:
    return {
        "url": f"{MCODE}/mcode-radiotherapy-dose-delivered-to-volume",
        "extension": [
            {"url": "totalDoseDelivered", "valueQuantity": {"value": centigray, "code": "cGy"}},
            {"url": "fractionsDelivered", "valueUnsignedInt": fractions},
        ],
    }


def test_dose_and_fractions_of_one_volume_and_of_two() -> None:
    sessions = {"url": f"{MCODE}/mcode-radiotherapy-sessions", "valueUnsignedInt": 11}  # visits, not fractions
    single = one(procedure(extension=[sessions, mcode_volume(3000, 10)]))
    assert (single.dose_gy, single.fractions) == (Range.of(30), Range.of(10))  # 3000 cGy x 0.01
    double = one(procedure(extension=[mcode_volume(3000, 10), mcode_volume(2000, 5)]))
    assert (double.dose_gy, double.fractions) == (Range.of(20, 30), Range.of(5, 10))


def test_a_dose_in_an_unknown_unit_leaves_the_whole_dose_unknown() -> None:
    odd = mcode_volume(3000, 10)
    odd["extension"][0]["valueQuantity"]["code"] = "rad"
    assert one(procedure(extension=[odd, mcode_volume(2000, 5)])).dose_gy is None


def test_a_technique_says_more_than_the_code() -> None:
    technique = {
        "url": f"{MCODE}/mcode-radiotherapy-modality-and-technique",
        "extension": [{"url": f"{MCODE}/mcode-radiotherapy-technique", "valueCodeableConcept": snomed("115959002")}],
    }
    assert "proc-stereotactic-radiosurgery" in one(procedure(extension=[technique])).names


# --- planned and drafted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [("active", "planned"), ("on-hold", "planned"), ("completed", "fulfilled"), ("draft", "draft")],
)
def test_the_state_of_an_order(status: str, state: str) -> None:
    record = one(order(status=status))
    assert (record.state, record.resource) == (state, "ServiceRequest")


def test_an_order_that_is_no_order_is_nothing() -> None:
    for elements in (
        {"status": "revoked"},
        {"status": "entered-in-error"},
        {"intent": "proposal"},
        {"intent": "option"},
        {"doNotPerform": True},
    ):
        assert read(order(**elements)) == []


@pytest.mark.parametrize(("elements", "element"), [({"status": "unknown"}, "status"), ({"intent": None}, "intent")])
def test_an_order_that_cannot_be_understood_is_named(elements: dict[str, Any], element: str) -> None:
    [skip] = read(order(**elements))
    assert isinstance(skip, Skipped)
    assert (skip.why, skip.element) == ("unreadable", element)
    assert "proc-tooth-extraction" in skip.names


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"occurrenceDateTime": "2026-12-01"}, "2026-12-01"),
        ({"occurrencePeriod": {"start": "2026-12-01", "end": "2026-12-14"}}, "2026-12-01"),
        ({"occurrencePeriod": {"end": "2026-12-14"}}, "2026-12-14"),
        ({"occurrenceTiming": {"event": ["2026-12-08", "2026-12-01"]}}, "2026-12-01"),
        ({"occurrenceTiming": {"repeat": {"boundsPeriod": {"start": "2026-12-01"}}}}, "2026-12-01"),
    ],
)
def test_a_plan_is_for_the_day_it_begins(elements: dict[str, Any], day: str) -> None:
    record = one(order(**elements, authoredOn="2026-11-10", priority="urgent"))
    assert (str(record.evidence.when), str(record.authored), record.urgency) == (day, "2026-11-10", "urgent")


def test_an_imaging_order_carries_its_question() -> None:
    condition = {"resourceType": "Condition", "id": "c", "code": snomed("94222008")}
    record = one(
        order(
            code=local("mri"),
            reasonCode=[local("cord-compression")],
            reasonReference=[{"reference": "Condition/c"}],
        ),
        condition,
    )
    assert {"mri", "imaging-mri"} <= record.concepts
    assert {"cord-compression", "bone-metastasis"} <= record.reasons


def test_a_draft_is_kept_for_its_reason_alone_an_order_on_the_chart_is_not() -> None:
    unknown = order(code={"coding": [{"system": "http://example.org", "code": "1"}]}, reasonCode=[local("early")])
    draft = one(unknown, draft=True)
    assert (draft.concepts, draft.reasons, draft.name) == (frozenset(), {"early"}, "early")
    assert read(unknown) == []


def test_r5_orders_wrap_code_and_reason() -> None:
    record = one(order(code={"concept": local("ct")}, reason=[{"concept": local("early")}]))
    assert ("imaging-ct" in record.names, "early" in record.reasons) == (True, True)


def test_a_hooks_draft_needs_neither_status_nor_intent() -> None:
    assert one(order(status=None, intent=None), draft=True).state == "draft"
    assert one(order(intent="proposal"), draft=True).state == "draft"
    for status in ("revoked", "completed", "entered-in-error"):
        assert read(order(status=status), draft=True) == []


def test_an_empty_draft_is_no_error() -> None:
    assert read({"resourceType": "ServiceRequest", "code": {"coding": [{}]}, "reasonCode": []}, draft=True) == []
    assert read({"resourceType": "ServiceRequest"}, draft=True) == []


def test_a_prescribed_dose() -> None:
    prescribed = {
        "url": f"{CODEX}/codexrt-radiotherapy-dose-prescribed-to-volume",
        "extension": [
            {"url": "fractionDose", "valueQuantity": {"value": 800, "code": "cGy"}},
            {"url": "totalDose", "valueQuantity": {"value": 800, "code": "cGy"}},
            {"url": "fractions", "valuePositiveInt": 1},
        ],
    }
    record = one(order(code=local("radiotherapy"), extension=[prescribed]))
    assert (record.dose_gy, record.fractions) == (Range.of(8), Range.of(1))  # 800 cGy x 0.01
    simple = one(order(code=local("radiotherapy"), quantityQuantity={"value": 30, "unit": "Gy"}))
    assert (simple.dose_gy, simple.fractions) == (Range.of(30), None)
    counted = one(order(code=local("radiotherapy"), quantityQuantity={"value": 10, "code": "{fractions}"}))
    assert (counted.dose_gy, counted.fractions) == (None, Range.of(10))


# --- booked ------------------------------------------------------------------------------------------------------


def test_an_appointment_keeps_its_clock_time() -> None:
    record = one(appointment(created="2026-11-01"))
    assert (record.state, record.resource, str(record.authored)) == ("planned", "Appointment", "2026-11-01")
    assert "proc-tooth-extraction" in record.names
    assert record.evidence.when is not None
    assert record.evidence.when.instant == datetime(2026, 12, 1, 1, 30, tzinfo=UTC)  # 09:30 at +08:00


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", "planned"),
        ("arrived", "planned"),
        ("waitlist", "planned"),
        ("proposed", "draft"),
        ("fulfilled", "fulfilled"),
    ],
)
def test_the_state_of_an_appointment(status: str, state: str) -> None:
    assert one(appointment(status=status)).state == state


def test_a_cancelled_visit_matters_only_in_a_hooks_context() -> None:
    for status in ("cancelled", "noshow", "entered-in-error"):
        assert read(appointment(status=status)) == []
    assert one(appointment(status="cancelled"), draft=True).state == "cancelled"
    assert one(appointment(status="booked"), draft=True).state == "draft"
    assert read(appointment(status="noshow"), draft=True) == []


def test_what_an_appointment_is_for_by_service_reason_and_condition() -> None:
    drug = {"coding": [{"system": "http://www.whocc.no/atc", "code": "M05BX04"}]}
    injection = one(appointment(serviceType=None, reasonCode=[drug]))
    assert "med-denosumab" in injection.names
    condition = {"resourceType": "Condition", "id": "c", "code": snomed("94222008")}
    referred = one(appointment(serviceType=None, reasonReference=[{"reference": "Condition/c"}]), condition)
    assert "bone-metastasis" in referred.reasons & referred.concepts
    r5 = one(
        appointment(serviceType=[{"concept": local("transfer")}], reason=[{"reference": {"reference": "Condition/c"}}]),
        condition,
    )
    assert {"proc-transfer", "bone-metastasis"} <= r5.concepts
    dental = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/service-type", "code": "88"}]}
    assert "dental-procedure" in one(appointment(serviceType=[dental])).names


def test_an_appointment_without_a_start_is_for_the_period_asked_for() -> None:
    asked = one(appointment(start=None, requestedPeriod=[{"start": "2026-12-03", "end": "2026-12-10"}]))
    assert str(asked.evidence.when) == "2026-12-03"


def test_an_order_of_an_older_fhir_version_is_named() -> None:
    old = {"resourceType": "ProcedureRequest", "id": "x", "code": local("tooth-extraction")}
    [skip] = read(old)
    assert isinstance(skip, Skipped)
    assert (skip.reference, skip.why, skip.element) == ("ProcedureRequest/x", "other FHIR version", "resourceType")
    assert "proc-tooth-extraction" in skip.names
