"""Spine surgery for metastases: what on record makes a wound infection more likely?"""

from __future__ import annotations

from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.exposure import ACTIVE, course
from cards.facts.radiotherapy import given
from cards.facts.spine import in_spine
from cards.facts.surgery import SPINE, days_to, drafted_surgery
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined, listed
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

GLUCOCORTICOID = "med-glucocorticoid"


@advisory(hooks=[APPOINTMENT_BOOK, ORDER_SIGN], reads=[Lab, Problem, DrugRecord, ProcedureRecord])
def ssi(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE)
    if surgery is None:
        return
    days = int(situation.setting("lab_max_age_days"))
    albumin = chart.latest(Lab, "albumin-serum", within_days=days)
    bmi = chart.latest(Lab, "bmi", within_days=days)
    risks = _risks(surgery, albumin, bmi, chart, situation, table)
    if risks:
        yield table.advise(
            "risks",
            used=[surgery, *(finding for _, finding in risks)],
            missing=[lab for lab in (albumin, bmi) if isinstance(lab, Missing)],
            lines=[table.line("found", found=joined(text for text, _ in risks))],
            risks=listed(text for text, _ in risks),
        )


def _risks(
    surgery: ProcedureRecord,
    albumin: Lab | Missing,
    bmi: Lab | Missing,
    chart: Chart,
    situation: Situation,
    table: Table,
) -> list[tuple[Text, Finding]]:
    """Each risk factor that is surely there, as the card names it, with what says so."""
    found: list[tuple[Text, Finding]] = []
    if albumin and albumin.value.below(table.number("albumin")):
        found.append((table.line("albumin", albumin=albumin.value), albumin))
    if radiotherapy := _radiotherapy(surgery, chart, situation, table):
        found.append((table.word["radiotherapy"], radiotherapy))
    if diabetes := _present(chart, "diabetes"):
        found.append((table.word["diabetes"], diabetes))
    if bmi and bmi.value.at_least(table.number("bmi")):
        found.append((table.line("bmi", bmi=bmi.value), bmi))
    steroid = course(chart, situation, GLUCOCORTICOID)
    if steroid.status == ACTIVE:
        found.append((table.word["steroid"], steroid.records[-1]))
    return found


def _radiotherapy(surgery: ProcedureRecord, chart: Chart, situation: Situation, table: Table) -> ProcedureRecord | None:
    """Radiotherapy of the spine, or of no place said, that ended a few weeks before the operation."""
    weeks = table.number("radiotherapy")
    recent = [
        record
        for record in given(chart)
        if (not record.sites or any(in_spine(site) for site in record.sites))
        and record.evidence.when is not None
        and days_to(surgery, situation, record.evidence.when).at_most(weeks)
    ]
    return recent[-1] if recent else None


def _present(chart: Chart, name: str) -> Problem | None:
    found = [problem for problem in chart.all(Problem, name) if problem.present and problem.certainty == "confirmed"]
    return found[-1] if found else None
