"""Which denosumab is it? Every other denosumab rule rests on the answer, so an unclear one is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cards.advisory import ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import cancer, diagnosis
from cards.facts.exposure import (
    ACTIVE,
    DENOSUMAB,
    ONCOLOGY,
    UNCLEAR,
    Course,
    denosumab,
    dose_and_interval,
    product,
    which_denosumab,
)
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.medications import DrugRecord

ENDED = ("stopped", "cancelled", "completed")


@advisory(hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN], reads=[DrugRecord, Problem])
def denosumab_product(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = [draft for draft in situation.drafted(DrugRecord, DENOSUMAB) if draft.status not in ENDED]
    if drafts:
        for draft in drafts:
            yield from _judge([draft], [draft], chart, situation, table)
    elif situation.hook == PATIENT_VIEW:
        course = denosumab(chart, situation)
        if course.order_active or course.status == ACTIVE or _stopped_lately(course, table):
            yield from _judge(course.records, (), chart, situation, table)


def _stopped_lately(course: Course, table: Table) -> bool:
    """A stop, written or to be seen from the doses, that denosumab-stop would speak of if the product were clear."""
    stopped = course.documented_stop or len(course.doses) > 1
    return stopped and course.days is not None and course.days.at_most(table.number("stopped")) is True


def _judge(
    records: Sequence[DrugRecord], drafts: Sequence[DrugRecord], chart: Chart, situation: Situation, table: Table
) -> Advices:
    kind = product(chart, situation, drafts) if drafts else which_denosumab(chart, situation)
    osteoporosis_mg = situation.table("exposure").number("osteoporosis_mg")
    ordered = [record for record in records if record.status == "active" and record.dose_mg == osteoporosis_mg]
    if ordered and diagnosis(chart).confirmed:
        records = ordered  # a dose of the other product since does not make the order right
    dose, interval = dose_and_interval(records)
    facts: dict[str, Any] = {
        "used": [records[-1], diagnosis(chart).problem],
        "missing": [] if dose is not None else [Missing("denosumab-dose")],
        "notes": ["found"],
        "dose": table.word["not-recorded"] if dose is None else f"{dose:f} mg",
        "interval": table.word["not-recorded"] if interval is None else f"{interval:f} d",
    }
    if dose == osteoporosis_mg and diagnosis(chart).confirmed:
        yield table.advise("sixty-in-metastasis", **facts)
    elif kind == UNCLEAR:
        yield table.advise("unclear", **facts)
    elif kind == ONCOLOGY and drafts and _only_osteoporosis(drafts, chart):
        yield table.advise("onetwenty-in-osteoporosis", **facts)


def _only_osteoporosis(drafts: Sequence[DrugRecord], chart: Chart) -> bool:
    """Osteoporosis is on record or the order's reason, and nothing that the oncology dose is for."""
    reasons = {reason for draft in drafts for reason in draft.reasons}
    osteoporosis = "osteoporosis" in reasons or any(entry.present for entry in chart.all(Problem, "osteoporosis"))
    return osteoporosis and diagnosis(chart).problem is None and cancer(chart) is None
