"""Denosumab and low calcium: is it low now, is the kidney a reason to expect it, was it measured before the start?"""

from __future__ import annotations

from typing import Any

from cards.advice import at_most
from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.calcium import UNCORRECTED, Calcium, calcium
from cards.facts.exposure import ACTIVE, DENOSUMAB, denosumab
from cards.facts.ordered import drafted_doses
from cards.facts.renal import clearance, on_dialysis
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.patient import Care, Person
from fhir_mappings.procedures import ProcedureRecord

ANY_CALCIUM = ("calcium-total", "calcium-albumin-corrected", "calcium-ionized")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[DrugRecord, Lab, Problem, ProcedureRecord, Person, Care])
def denosumab_hypocalcemia(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafted = drafted_doses(situation, DENOSUMAB)
    course = denosumab(chart, situation)
    if not drafted and not (situation.hook == PATIENT_VIEW and course.status == ACTIVE):
        return
    dose: list[Finding | None] = [*drafted[:1]] if drafted else [course.last]
    yield from _low(dose, bool(drafted), chart, situation, table)
    yield from _kidney(dose, chart, situation, table)
    if drafted and chart.lacks(DrugRecord, DENOSUMAB, within_days=table.days("first_dose")):
        yield from _unmeasured(dose, chart, table)


def _low(dose: list[Finding | None], drafted: bool, chart: Chart, situation: Situation, table: Table) -> Advices:
    """Below the laboratory's lower limit, with the grade where every possible value has the same one."""
    level = calcium(chart, situation)
    if not isinstance(level, Calcium):
        return
    limit = level.measured.low.lo if level.measured.low is not None else table.number("lower_limit")
    if not level.value.below(limit):
        return
    grades = table.reach(level.value, "ctcae")
    grade = grades[0].name if len(grades) == 1 and grades[0] is not None else ""
    notes = ["correction"] if len(level.used) > 1 else [level.kind]
    facts: dict[str, Any] = {
        "used": [*dose, *level.used],
        "missing": [Missing("albumin-serum")] if level.kind == UNCORRECTED else [],
        "notes": [*notes, *(["grade"] if grade else [])],
        "about": DENOSUMAB,
        "kind": table.word[level.kind],
        "value": level.value,
        "limit": limit,
        "total": level.measured.value,
        "albumin": level.used[-1].evidence.original,
        "grade": grade.removeprefix("grade-"),
    }
    band = table.band["low-before-dose" if drafted else "low"]
    # A low albumin alone makes total calcium look low: what is missing here must not make the card critical.
    indicator = at_most(band.indicator, "warning") if level.kind == UNCORRECTED else None
    yield table.advise(band, indicator=indicator, **facts)


def _kidney(dose: list[Finding | None], chart: Chart, situation: Situation, table: Table) -> Advices:
    if dialysis := on_dialysis(chart, situation):
        yield table.advise("dialysis", used=[*dose, dialysis], about=DENOSUMAB)
        return
    renal = clearance(chart, situation)
    if renal.value is not None and renal.value.below(table.number("clearance")):
        notes = ["formula"] if renal.working else []
        facts: dict[str, Any] = {"clearance": renal.shown, **renal.working}
        yield table.advise("kidney", used=[*dose, *renal.used], notes=notes, about=DENOSUMAB, **facts)


def _unmeasured(dose: list[Finding | None], chart: Chart, table: Table) -> Advices:
    if chart.lacks(Lab, *ANY_CALCIUM, within_days=table.days("calcium_before_start")):
        missing = chart.latest(Lab, ANY_CALCIUM[0], within_days=table.days("calcium_before_start"))
        yield table.advise("unmeasured", used=dose, missing=[] if missing else [missing], about=DENOSUMAB)
