"""Radiotherapy is drafted for a bone that is already broken: has a surgeon seen it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cards.advice import at_most
from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.local_treatment import AHEAD, DONE, records
from cards.facts.long_bones import Fracture, fractures
from cards.facts.radiotherapy import RADIOTHERAPY, may_be_same, may_cover
from cards.facts.surgery import LONG_BONE, SPINE
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

STABILISING = (LONG_BONE, SPINE, "proc-spine-fixation", "proc-vertebroplasty", "proc-kyphoplasty")
CONSULT = ("orthopaedic-consult", "spine-surgery-consult")
REGIONS = ("upper-limb", "lower-limb", "peritrochanteric", "spine")


@advisory(hooks=[ORDER_SIGN, APPOINTMENT_BOOK], reads=[ProcedureRecord, Lesion, Problem], asks=["spine-emergency"])
def rt_prefracture(chart: Chart, situation: Situation, table: Table) -> Advices:
    """Ribs and flat bones are left out, and the spine while an emergency of it is being told."""
    drafts = [course for course in records(chart, situation, RADIOTHERAPY) if course.state == "draft"]
    if not drafts:
        return
    placed = [fracture for fracture in fractures(chart) if _carries(fracture.site)]
    for fracture in placed:
        meant = [draft for draft in drafts if may_cover(draft, fracture.site)]
        if meant and not (fracture.site.region == "spine" and _emergency(situation)):
            yield from _about(fracture, meant, chart, situation, table)
    if not placed:
        yield from _unplaced(drafts, chart, situation, table)


def _carries(site: Site) -> bool:
    """A long bone or a vertebra; a femur without a part has no region."""
    return site.region in REGIONS or site.inside("femur")


def _emergency(situation: Situation) -> bool:
    return any(advice.indicator == "critical" for advice in situation.said("spine-emergency"))


def _about(
    fracture: Fracture, drafts: Sequence[ProcedureRecord], chart: Chart, situation: Situation, table: Table
) -> Advices:
    operations = records(chart, situation, *STABILISING)
    of_it = [each for each in operations if any(may_be_same(site, fracture.site) for site in each.sites)]
    if any(each.state in DONE and _holds(each, fracture, chart, table) for each in of_it):
        return
    facts: dict[str, Any] = {"about": fracture.about, "bone": fracture.place}
    plans = [each for each in [*of_it, *(each for each in operations if not each.sites)] if each.state in AHEAD]
    if plans:
        if not any(_after(draft, plan) for draft in drafts for plan in plans):
            yield table.advise("before-surgery", used=[*drafts, fracture.finding, plans[0]], **facts)
        return
    if _consulted(chart, situation, table):
        return
    unsure = _unsure(fracture, operations, chart, table)
    missing = [] if chart.gap(ProcedureRecord) is None else [Missing(CONSULT[0], chart.gap(ProcedureRecord) or "")]
    band = table.band["fractured"]
    indicator = at_most(band.indicator_for(situation.hook), "warning") if unsure or missing else None
    used = [*drafts, fracture.finding]
    yield table.advise(band, indicator=indicator, used=used, missing=missing, notes=unsure, **facts)


def _holds(operation: ProcedureRecord, fracture: Fracture, chart: Chart, table: Table) -> bool:
    """Fixed since the fracture, or recently: a panel may have been filled in again after the operation."""
    fixed, broken = operation.evidence.when, fracture.finding.evidence.when
    if fixed is None:
        return False
    recent = fixed.days_before(chart.as_of).at_most(table.number("recent")) is True
    return recent or (broken is not None and fixed.first >= broken.last)


def _after(draft: ProcedureRecord, plan: ProcedureRecord) -> bool:
    """The radiotherapy is for a day after the planned operation, as it should be."""
    course, operation = draft.evidence.when, plan.evidence.when
    return course is not None and operation is not None and course.first > operation.last


def _consulted(chart: Chart, situation: Situation, table: Table) -> bool:
    """An orthopaedic or spine surgeon was asked recently, or is being asked."""
    for consult in records(chart, situation, *CONSULT):
        when = consult.evidence.when or consult.authored
        if consult.state in AHEAD or (when and when.days_before(chart.as_of).at_most(table.number("recent")) is True):
            return True
    return False


def _unsure(fracture: Fracture, operations: Sequence[ProcedureRecord], chart: Chart, table: Table) -> list[str]:
    """What keeps the card from being critical: an old or suspected fracture, a fixation of a bone nobody named."""
    broken = fracture.finding.evidence.when
    notes = ["old"] if broken is None or broken.days_before(chart.as_of).above(table.number("old")) else []
    notes += ["suspected"] if fracture.suspected else []
    unplaced = [each for each in operations if each.state in DONE and not each.sites]
    return notes + (["perhaps_fixed"] if any(_holds(each, fracture, chart, table) for each in unplaced) else [])


def _unplaced(drafts: Sequence[ProcedureRecord], chart: Chart, situation: Situation, table: Table) -> Advices:
    """A pathological fracture is on the problem list, of which bone is not."""
    coded = [
        problem
        for problem in chart.all(Problem, "pathological-fracture")
        if problem.present and problem.certainty == "confirmed" and not problem.sites
    ]
    fixed = [each for each in records(chart, situation, *STABILISING) if each.state in (*DONE, *AHEAD)]
    if coded and not fixed and not _consulted(chart, situation, table):
        yield table.advise("unplaced", used=[*drafts, coded[-1]])
