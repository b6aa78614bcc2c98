"""Radiotherapy of a bone metastasis is signed or planned: is its schedule one of the three that were compared?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.radiotherapy import RADIOTHERAPY, STEREOTACTIC, may_cover, of_bone
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

COMPLICATED = ("pathological-fracture", "spinal-cord-compression", "cauda-equina")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[ProcedureRecord, Lesion, Assessment, Problem])
def rt_fractionation(chart: Chart, situation: Situation, table: Table) -> Advices:
    for order in _ordered(chart, situation):
        if of_bone(order) and STEREOTACTIC not in order.names and not _complicated(order, chart, table):
            yield from _about(order, chart, table)


def _ordered(chart: Chart, situation: Situation) -> list[ProcedureRecord]:
    """What is being signed; when the chart is opened, what is planned."""
    if situation.ordering:
        return situation.drafted(ProcedureRecord, RADIOTHERAPY)
    return [record for record in chart.all(ProcedureRecord, RADIOTHERAPY) if record.state == "planned"]


def _about(order: ProcedureRecord, chart: Chart, table: Table) -> Advices:
    """A short outlook and many fractions; else a schedule other than the compared ones. Unknown parts say nothing."""
    if order.fractions is None:
        return
    outlook = chart.latest(Assessment, "life-expectancy")
    short = outlook and outlook.number.below(table.number("short_outlook"))
    if short and order.fractions.above(table.number("many_fractions")):
        yield table.advise("many-fractions", used=[order, outlook], fractions=order.fractions)
    elif order.dose_gy is not None and not any(_is(order, table, schedule) for schedule in _schedules(table)):
        yield table.advise("other-schedule", used=[order], dose=order.dose_gy, fractions=order.fractions)


def _schedules(table: Table) -> list[str]:
    return [name for name in table.limit if name.startswith("schedule_")]


def _is(order: ProcedureRecord, table: Table, schedule: str) -> bool:
    """False only when the order surely is not this schedule."""
    fractions, gray = table.choice(schedule)
    tolerance = table.number("tolerance")
    if order.fractions is None or order.dose_gy is None:
        return True
    counted = order.fractions.at_least(fractions) is not False and order.fractions.at_most(fractions) is not False
    low, high = order.dose_gy.at_least(gray - tolerance), order.dose_gy.at_most(gray + tolerance)
    return counted and low is not False and high is not False


def _complicated(order: ProcedureRecord, chart: Chart, table: Table) -> bool:
    """A fracture or cord compression: another question than pain, and another schedule (as is after surgery)."""
    if order.reasons & {*COMPLICATED, "cord-compression", "fracture-risk"}:
        return True
    if any(problem.present for problem in chart.any(Problem, *COMPLICATED)):
        return True
    treated = [lesion for lesion in chart.all(Lesion) if may_cover(order, lesion.site)]
    return any(
        lesion.yes("fractured") or lesion.yes("prior-surgery") or _compressed(lesion, table) for lesion in treated
    )


def _compressed(lesion: Lesion, table: Table) -> bool:
    return lesion.text("escc-grade") in table.choice("compression")
