"""Denosumab that goes on: is the next dose on time, planned late, or forgotten?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cards.advice import at_most
from cards.advisory import (
    APPOINTMENT_BOOK,
    ENCOUNTER_DISCHARGE,
    ORDER_SELECT,
    ORDER_SIGN,
    PATIENT_VIEW,
    Advices,
    advisory,
)
from cards.facts.exposure import DENOSUMAB, ONCOLOGY, Course, denosumab, unseen_doses, which_denosumab
from cards.situation import Situation
from cards.table import Band, Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.ranges import Range


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN, ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK],
    reads=[DrugRecord, Problem],
    asks=["denosumab-stop"],
)
def denosumab_interval(chart: Chart, situation: Situation, table: Table) -> Advices:
    course = denosumab(chart, situation)
    if not course.records:
        return
    drafts = [draft for draft in situation.drafted(DrugRecord, DENOSUMAB) if draft.status == "draft"]
    if which_denosumab(chart, situation, drafts) != ONCOLOGY or course.days is None:
        return
    yield from _early(course, drafts, situation, table)
    if course.order_active and not situation.said("denosumab-stop"):
        yield from _overdue(course, course.days, chart, situation, table)


def _early(course: Course, drafts: list[DrugRecord], situation: Situation, table: Table) -> Advices:
    """A dose drafted too soon after the last one that was given, counted to the day it is drafted for (ruling 19)."""
    if not situation.signing or course.ordered_only or course.last is None or course.last.evidence.when is None:
        return
    for draft in drafts:
        day = draft.scheduled.first if draft.scheduled else situation.as_of
        since = course.last.evidence.when.days_before(day)
        if since.below(table.number("min_repeat")) and since.at_least(0):
            yield table.advise("early", used=[course.last, draft], about=DENOSUMAB, days=since)


def _overdue(course: Course, days: Range, chart: Chart, situation: Situation, table: Table) -> Advices:
    counted = days
    if table.choice("anchor") == "missed_due_date":
        counted = days.plus(-table.number("standard"))
    plan = course.interval_days
    if plan is not None and plan <= table.number("soft") and days.at_most(plan + table.number("grace")):
        return
    if plan is not None and table.number("soft") < plan <= table.number("max") and _kept(days, plan, table):
        if days.above(table.number("soft")):
            yield table.advise("planned", **_facts(course, days, table), plan=plan)
        return
    bands = table.reach(counted, "active")
    if len(bands) > 1:
        chart.unknown[DENOSUMAB] = Missing(DENOSUMAB, DATE_NOT_PRECISE)
    elif bands[0] is not None:
        unknown = unseen_doses(chart, course)
        level = bands[0].indicator_for(situation.hook)
        indicator = at_most(level, "warning") if unknown else level
        yield table.advise(bands[0], indicator=indicator, missing=unknown, **_facts(course, days, table, bands[0]))


def _kept(days: Range, plan: Decimal, table: Table) -> bool:
    return days.at_most(table.number("grace") + plan) is True


def _facts(course: Course, days: Range, table: Table, band: Band | None = None) -> dict[str, Any]:
    notes = ["off_label", "drift"] if band is None or band.name in ("extended", "long") else ["drift"]
    if course.ordered_only:
        notes.append("ordered_only")
    if not days.exact:
        notes.append("month_only")
    lines = [table.line("later_record", later=later) for later in course.later_records]
    assert course.last is not None
    return {
        "used": [course.last],
        "notes": notes,
        "lines": lines,
        "about": DENOSUMAB,
        "days": days,
        "written": course.last.evidence.when or "",
    }
