"""The first dose of a bone-modifying agent: which of the checks before it are missing?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SELECT, ORDER_SIGN, Advices, advisory
from cards.facts.dental import EXAMINATION, unexamined
from cards.facts.exposure import BONE_MODIFYING, DENOSUMAB
from cards.facts.ordered import calcium_is_high, drafted_doses, for_hypercalcaemia, for_osteoporosis
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.patient import Care
from fhir_mappings.procedures import ProcedureRecord

CREATININE, CALCIUM, ALBUMIN, VITAMIN_D = "creatinine-serum", "calcium-total", "albumin-serum", "vitamin-d-25oh"
NEEDS_NO_ALBUMIN = ("calcium-albumin-corrected", "calcium-ionized")
SUGGESTED = {
    CREATININE: "order-creatinine",
    CALCIUM: "order-calcium-albumin",
    ALBUMIN: "order-calcium-albumin",
    EXAMINATION: "refer-dental",
    VITAMIN_D: "order-vitamin-d",
}


@advisory(
    hooks=[ORDER_SELECT, ORDER_SIGN],
    reads=[DrugRecord, Lab, ProcedureRecord, Problem, Assessment, Care],
    asks=["calcium-vitd", "hypercalcemia"],
)
def bma_baseline(chart: Chart, situation: Situation, table: Table) -> Advices:
    yield from _pregnancy(chart, situation, table)
    drafts = [draft for draft in drafted_doses(situation) if not for_osteoporosis(draft, chart, situation)]
    if not drafts or not chart.lacks(DrugRecord, *BONE_MODIFYING, within_days=table.days("first_dose")):
        return
    required = list(_required(chart, situation, table))
    if not required:
        return
    absent = [*required, *_optional(chart, table)]
    urgent = any(for_hypercalcaemia(draft) for draft in drafts) or calcium_is_high(situation)
    notes = [*(["urgent"] if urgent else []), *(["supplements"] if situation.said("calcium-vitd") else [])]
    yield table.advise(
        "incomplete",
        indicator="info" if urgent else None,
        used=drafts,
        missing=[_missing(name, chart, table) for name in absent],
        notes=notes,
        suggest=list(dict.fromkeys(SUGGESTED[name] for name in absent)),
        items=listed(table.word[name] for name in required),
    )


def _pregnancy(chart: Chart, situation: Situation, table: Table) -> Advices:
    """Denosumab of any dose in pregnancy; what is not recorded is not asked for here."""
    drafts = drafted_doses(situation, DENOSUMAB)
    if not drafts:
        return
    problems = [entry for entry in chart.all(Problem, "pregnancy") if entry.present and entry.certainty != "refuted"]
    answers = chart.all(Assessment, "pregnant", within_days=table.days("pregnancy"))[-1:]
    found = [*(answer for answer in answers if answer.value is True), *problems[-1:]]
    if found:
        yield table.advise("pregnancy", used=[drafts[0], *found], about=DENOSUMAB)


def _required(chart: Chart, situation: Situation, table: Table) -> Iterator[str]:
    """The required checks that are known to be missing; what could not be looked up is not called missing."""
    calcium_days = table.days("calcium")
    if chart.lacks(Lab, CREATININE, "creatinine-clearance", within_days=table.days("creatinine")):
        yield CREATININE
    if chart.lacks(Lab, CALCIUM, *NEEDS_NO_ALBUMIN, within_days=calcium_days):
        yield CALCIUM
    elif chart.lacks(Lab, ALBUMIN, *NEEDS_NO_ALBUMIN, within_days=calcium_days):
        yield ALBUMIN
    if unexamined(chart, situation, table.days("dental")):
        yield EXAMINATION


def _optional(chart: Chart, table: Table) -> list[str]:
    return [VITAMIN_D] if chart.lacks(Lab, VITAMIN_D, within_days=table.days("vitamin_d")) else []


def _missing(name: str, chart: Chart, table: Table) -> Missing:
    """Why it is missing: never recorded, or too old."""
    days = {CREATININE: "creatinine", CALCIUM: "calcium", ALBUMIN: "calcium", VITAMIN_D: "vitamin_d"}
    found: Finding | Missing = (
        chart.latest(Lab, name, within_days=table.days(days[name]))
        if name in days
        else chart.latest(ProcedureRecord, name, within_days=table.days("dental"))
    )
    return found if isinstance(found, Missing) else Missing(name)
