"""Spine surgery for metastases: is there a plan against venous thrombosis?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.bleeding import Bleeding, bleeding
from cards.facts.surgery import SPINE, drafted_surgery
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

ANTICOAGULANT = "med-anticoagulant"
CURRENT = ("active", "draft", "on-hold")


@advisory(hooks=[APPOINTMENT_BOOK, ORDER_SIGN], reads=[DrugRecord, Lab, Problem, ProcedureRecord])
def vte(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE)
    if surgery is None or not _without_plan(chart, situation, table):
        return
    risk = bleeding(chart, situation)
    bleeds = [finding for finding in (risk.platelets, risk.inr, risk.disorder) if finding is not None]
    past = chart.all(DrugRecord, ANTICOAGULANT)[-1:]
    yield table.advise(
        "bleeding-risk" if bleeds else "no-plan",
        used=[surgery, *bleeds, *past],
        missing=risk.missing,
        notes=["past"] if past else [],
        risk=joined(_named(risk, table)),
    )


def _without_plan(chart: Chart, situation: Situation, table: Table) -> bool:
    """True only when it is known that no anticoagulant is ordered, drafted, or was given of late."""
    if [draft for draft in situation.drafted(DrugRecord, ANTICOAGULANT) if draft.status in CURRENT]:
        return False
    records = chart.all(DrugRecord, ANTICOAGULANT)
    if not records:
        return chart.lacks(DrugRecord, ANTICOAGULANT)
    running = [record for record in records if record.status in CURRENT or _given_lately(record, chart, table)]
    return not running and chart.gap(DrugRecord) is None


def _given_lately(record: DrugRecord, chart: Chart, table: Table) -> bool:
    """A dose or a supply of the last days, or one whose day is not known."""
    if record.record == "ordered":
        return False
    when = record.evidence.when
    return when is None or when.days_before(chart.as_of).at_most(table.number("lately")) is not False


def _named(risk: Bleeding, table: Table) -> Iterator[Text]:
    if risk.platelets is not None:
        yield table.line("platelets", platelets=risk.platelets.value)
    if risk.inr is not None:
        yield table.line("inr", inr=risk.inr.value)
    if risk.disorder is not None:
        yield table.word["disorder"]
