"""Radiotherapy of a bone metastasis is being signed: is its schedule one of the three that were compared?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.radiotherapy import RADIOTHERAPY, STEREOTACTIC, may_cover, of_bone
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

COMPLICATED = ("pathological-fracture", "spinal-cord-compression", "cauda-equina")


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion, Assessment, Problem])
def rt_fractionation(chart: Chart, situation: Situation, table: Table) -> Advices:
    for draft in situation.drafted(ProcedureRecord, RADIOTHERAPY):
        if of_bone(draft) and STEREOTACTIC not in draft.names and not _complicated(draft, chart, table):
            yield from _about(draft, chart, table)


def _about(draft: ProcedureRecord, chart: Chart, table: Table) -> Advices:
    """A short outlook and many fractions; else a schedule other than the compared ones. Unknown parts say nothing."""
    if draft.fractions is None:
        return
    outlook = chart.latest(Assessment, "life-expectancy")
    short = outlook and outlook.number.below(table.number("short_outlook"))
    if short and draft.fractions.above(table.number("many_fractions")):
        yield table.advise("many-fractions", used=[draft, outlook], fractions=draft.fractions)
    elif draft.dose_gy is not None and not any(_is(draft, table, schedule) for schedule in _schedules(table)):
        yield table.advise("other-schedule", used=[draft], dose=draft.dose_gy, fractions=draft.fractions)


def _schedules(table: Table) -> list[str]:
    return [name for name in table.limit if name.startswith("schedule_")]


def _is(draft: ProcedureRecord, table: Table, schedule: str) -> bool:
    """False only when the draft surely is not this schedule."""
    fractions, gray = table.choice(schedule)
    tolerance = table.number("tolerance")
    if draft.fractions is None or draft.dose_gy is None:
        return True
    counted = draft.fractions.at_least(fractions) is not False and draft.fractions.at_most(fractions) is not False
    low, high = draft.dose_gy.at_least(gray - tolerance), draft.dose_gy.at_most(gray + tolerance)
    return counted and low is not False and high is not False


def _complicated(draft: ProcedureRecord, chart: Chart, table: Table) -> bool:
    """A fracture or cord compression: another question than pain, and another schedule (as is after surgery)."""
    if draft.reasons & {*COMPLICATED, "cord-compression", "fracture-risk"}:
        return True
    if any(problem.present for problem in chart.any(Problem, *COMPLICATED)):
        return True
    treated = [lesion for lesion in chart.all(Lesion) if may_cover(draft, lesion.site)]
    return any(
        lesion.yes("fractured") or lesion.yes("prior-surgery") or _compressed(lesion, table) for lesion in treated
    )


def _compressed(lesion: Lesion, table: Table) -> bool:
    return lesion.text("escc-grade") in table.choice("compression")
