"""Denosumab that has stopped, or is about to: is the patient in the rebound, and is there a plan?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cards.advice import Advice, at_least, at_most, one_lower
from cards.advisory import (
    APPOINTMENT_BOOK,
    ENCOUNTER_DISCHARGE,
    ORDER_SIGN,
    PATIENT_VIEW,
    Advices,
    advisory,
)
from cards.facts.dental import opens_bone, planned
from cards.facts.exposure import (
    BISPHOSPHONATE,
    DENOSUMAB,
    NEVER,
    ONCOLOGY,
    Course,
    bisphosphonates,
    denosumab,
    unseen_doses,
    which_denosumab,
)
from cards.facts.skeletal_events import pain_or_fracture_since
from cards.situation import Situation
from cards.table import Band, Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

DRAFTED_STOP = ("stopped", "cancelled", "completed")


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SIGN, ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK],
    reads=[DrugRecord, Problem, Assessment, ProcedureRecord],
)
def denosumab_stop(chart: Chart, situation: Situation, table: Table) -> Advices:
    course = denosumab(chart, situation)
    drafted = [draft for draft in situation.drafted(DrugRecord, DENOSUMAB) if draft.status in DRAFTED_STOP]
    if which_denosumab(chart, situation, drafted) != ONCOLOGY:
        return
    if course.records and (stop := _stop(course, chart, table)):
        yield from _stopped(course, stop, bool(drafted), chart, situation, table)
    elif drafted:
        yield _about_to_stop(course, drafted, chart, situation, table)


def _stop(course: Course, chart: Chart, table: Table) -> str | None:
    """How it stopped: documented, by a gap without an order, or an order that lapsed; None when it goes on."""
    if course.documented_stop:
        return "documented"
    if course.days is None:
        return None
    if course.order_active:
        lapsed = course.days.at_least(table.number("lapsed")) and not course.days.above(table.band["remote"].above or 0)
        return "lapsed" if lapsed else None
    if chart.gap(DrugRecord) is not None:
        return None  # that there is no order is not known (ruling 40)
    enough = len(course.doses) >= table.number("min_doses")
    return "no_order" if enough and course.days.at_least(table.number("gap")) else None


def _about_to_stop(
    course: Course, drafted: list[DrugRecord], chart: Chart, situation: Situation, table: Table
) -> Advice:
    """A drafted stop: a warning, or as urgent as a stop would be on this day after the last dose (ruling 14)."""
    band = _band(course, table)
    dental = _dental_pause(course, chart, situation, table)
    facts: dict[str, Any] = {"about": DENOSUMAB, "restart": dental["restart"], "days": course.days or ""}
    used = [course.last, *drafted, *dental["used"]]
    if band is None:
        return table.advise("drafted", used=used, notes=[*dental["notes"], *_closing()], **facts)
    pain = pain_or_fracture_since(chart, course.last.evidence.when if course.last else None)
    follow_on = _follow_on(course, chart, situation, table)
    unknown = not follow_on and not _no_follow_on(course, chart, situation)
    notes = ["late"] if band.name == "window" else []
    notes += [*(["follow_on"] if follow_on else []), *dental["notes"], *(["pain"] if pain else []), *_closing()]
    unseen = unseen_doses(chart, course)
    level = at_least(_indicator(band, bool(pain), bool(follow_on), unknown), "warning")
    level = at_most(level, "warning") if unseen else level
    used += [*pain, *follow_on]
    return table.advise("drafted", indicator=level, used=used, missing=unseen, notes=notes, **facts)


def _stopped(course: Course, stop: str, drafted: bool, chart: Chart, situation: Situation, table: Table) -> Advices:
    band = _band(course, table)
    pain = pain_or_fracture_since(chart, course.last.evidence.when if course.last else None)
    follow_on = _follow_on(course, chart, situation, table)
    dental = _dental_pause(course, chart, situation, table)
    facts: dict[str, Any] = {
        "used": [course.last, course.stop_record, *pain, *follow_on, *dental["used"]],
        "about": DENOSUMAB,
        "restart": dental["restart"],
        "written": "",
        "days": course.days or "",
    }
    if band is None:
        if stop == "documented":
            yield table.advise("undated", missing=[Missing(DENOSUMAB, DATE_NOT_PRECISE)], notes=_closing(), **facts)
        else:
            chart.unknown[DENOSUMAB] = Missing(DENOSUMAB, DATE_NOT_PRECISE)
        return
    unknown_follow_on = not follow_on and not _no_follow_on(course, chart, situation)
    unseen = unseen_doses(chart, course)
    indicator = _indicator(band, bool(pain), bool(follow_on), unknown_follow_on)
    if unseen:
        indicator = at_most(indicator, "warning")
    if drafted:
        indicator = at_least(indicator, "warning")
    notes = [stop] if stop != "documented" else []
    notes += ["follow_on"] if follow_on else ["no_follow_on"]
    notes += dental["notes"]
    notes += ["pain"] if pain else []
    notes += ["ordered_only"] if course.ordered_only else []
    if course.last and course.last.evidence.when and not course.last.evidence.when.precise:
        notes.append("month_only")
        facts["written"] = course.last.evidence.when
    suggest = [*band.suggest, *(["image-spine-fracture"] if pain else [])]
    notes += _closing()
    yield table.advise(band, indicator=indicator, missing=unseen, notes=notes, suggest=suggest, **facts)


def _band(course: Course, table: Table) -> Band | None:
    if course.days is None:
        return None
    counted = course.days
    if table.choice("anchor") == "missed_due_date":
        counted = counted.plus(-table.number("standard"))
    bands = table.reach(counted, "stopped")
    return (bands[0] or table.band["plan"]) if len(bands) == 1 else None


def _indicator(band: Band, pain: bool, follow_on: bool, unknown_follow_on: bool) -> str:
    """Ruling 14: a follow-on drug makes it one level milder; in the first year new pain keeps it a warning."""
    if not follow_on:
        return at_most(band.indicator, "warning") if unknown_follow_on and not pain else band.indicator
    if band.name == "year":
        return "warning" if pain else "info"
    return one_lower(band.indicator)


def _dental_pause(course: Course, chart: Chart, situation: Situation, table: Table) -> dict[str, Any]:
    """A planned procedure that opens jaw bone: the stop may be a pause for it, which ends with the rebound window."""
    plans = [plan for plan in planned(chart, situation) if opens_bone(plan)]
    last = course.last.evidence.when if course.last else None
    if not plans or last is None:
        return {"notes": [], "used": [], "restart": ""}
    restart = last.first + timedelta(days=int(table.band["year"].above or 0))
    note = "dental_pause" if restart >= chart.as_of else "dental_pause_over"
    return {"notes": [note], "used": plans[:1], "restart": restart.isoformat()}


def _follow_on(course: Course, chart: Chart, situation: Situation, table: Table) -> list[DrugRecord]:
    """A bisphosphonate begun after the last denosumab."""
    last = course.last.evidence.when if course.last else None
    found = []
    for other in bisphosphonates(chart, situation).values():
        dose = other.last
        if other.status == NEVER or dose is None or dose.evidence.when is None:
            continue
        if dose.record == "ordered" and dose.status in ("cancelled", "stopped"):
            continue  # ordered and taken back, no dose on record
        recent = dose.evidence.when.days_before(chart.as_of).at_most(table.number("follow_on_days"))
        if recent and (last is None or dose.evidence.when.last >= last.first):
            found.append(dose)
    return found[-1:]


def _no_follow_on(course: Course, chart: Chart, situation: Situation) -> bool:
    """It is known that no bisphosphonate followed: none is ordered, none was given since the last denosumab."""
    if course.days is None or any(other.order_active for other in bisphosphonates(chart, situation).values()):
        return False
    return chart.lacks(DrugRecord, BISPHOSPHONATE, within_days=int(course.days.hi))


def _closing() -> list[str]:
    return ["figures", "vertebral", "oncology_decides"]
