"""Surgery soon after radiotherapy, or radiotherapy soon after surgery: has the wound a chance to heal?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cards.advice import Advice
from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.local_treatment import DONE, days_between, records
from cards.facts.radiotherapy import RADIOTHERAPY, may_be_same
from cards.facts.surgery import IMMEDIATE, LONG_BONE, SPINE, is_emergency
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.when import When, on_day

DRAFT = "draft"
SEPARATION, WINDOW = "proc-separation-surgery", "separation-srs-window"


@advisory(hooks=[ORDER_SIGN, APPOINTMENT_BOOK], reads=[ProcedureRecord], asks=["spine-emergency", WINDOW])
def rt_surgery_interval(chart: Chart, situation: Situation, table: Table) -> Advices:
    """One advice for each direction, of the nearest pair of which one is being ordered or booked."""
    if not any(draft.state == DRAFT for draft in situation.drafted(ProcedureRecord, SPINE, LONG_BONE, RADIOTHERAPY)):
        return
    operations = [each for each in records(chart, situation, SPINE, LONG_BONE) if not _told_by_window(each, situation)]
    nearest: dict[str, Advice] = {}
    for operation in operations:
        for course in records(chart, situation, RADIOTHERAPY):
            if DRAFT in (operation.state, course.state) and _same_place(operation, course):
                for advice in _pair(operation, course, chart, situation, table):
                    other = nearest.get(advice.name)
                    if other is None or advice.values["days"].hi < other.values["days"].hi:
                        nearest[advice.name] = advice
    yield from nearest.values()


def _told_by_window(operation: ProcedureRecord, situation: Situation) -> bool:
    """Where ``separation-srs-window`` speaks of the days after separation surgery, this advisory does not repeat it."""
    after_separation = SEPARATION in operation.concepts and operation.state in DONE
    return after_separation and situation.hook == APPOINTMENT_BOOK and bool(situation.said(WINDOW))


def _same_place(operation: ProcedureRecord, course: ProcedureRecord) -> bool:
    """Not surely elsewhere. A field at the spine covers several levels, so every level of it counts."""
    if not operation.sites or not course.sites:
        return True
    return any(
        may_be_same(one, other) or one.region == other.region == "spine"
        for one in operation.sites
        for other in course.sites
    )


def _pair(
    operation: ProcedureRecord, course: ProcedureRecord, chart: Chart, situation: Situation, table: Table
) -> Iterator[Advice]:
    """Which of the two comes first: what is done came before what is ordered; of two plans the dates tell."""
    if operation.state == course.state == DRAFT and not (operation.evidence.when and course.evidence.when):
        return
    between = days_between(_day(course, situation), _day(operation, situation))
    if between is None:
        _not_dated(operation, course, chart)
    elif operation.state not in DONE and (course.state in DONE or between.at_least(0)):
        if not _emergency(operation, situation):
            yield from _surgery_after(operation, course, between, chart, table)
    elif course.state not in DONE and (operation.state in DONE or between.below(0)):
        days = days_between(_day(operation, situation), _day(course, situation))
        assert days is not None
        yield from _course_after(operation, course, days, chart, table)


def _day(record: ProcedureRecord, situation: Situation) -> When | None:
    """Its day; today for what is being ordered without one (clinical document 1.4)."""
    return record.evidence.when or (on_day(situation.as_of) if record.state == DRAFT else None)


def _emergency(operation: ProcedureRecord, situation: Situation) -> bool:
    """An emergency of the spine hastens spine surgery, not the fixation of a femur (ruling 30)."""
    return operation.urgency == IMMEDIATE or (SPINE in operation.concepts and is_emergency(operation, situation))


def _surgery_after(
    operation: ProcedureRecord, course: ProcedureRecord, days: Range, chart: Chart, table: Table
) -> Iterator[Advice]:
    limit = table.number("after_radiotherapy")
    facts: dict[str, Any] = {"used": [operation, course], "days": days, "limit": limit}
    if course.state in DONE and not course.ended:
        if days.at_most(table.number("course")):
            yield table.advise("ongoing", notes=_notes(operation, course), **facts)
    elif days.at_most(limit):
        how = table.word["surgery_dated" if operation.evidence.when else "surgery_undated"]
        yield table.advise("after-radiotherapy", notes=_notes(operation, course), how=how, **facts)
    elif days.at_most(limit) is None:
        _not_dated(operation, course, chart)


def _course_after(
    operation: ProcedureRecord, course: ProcedureRecord, days: Range, chart: Chart, table: Table
) -> Iterator[Advice]:
    limit = table.number("after_surgery")
    if days.below(limit):
        how = table.word["course_dated" if course.evidence.when else "course_undated"]
        used, notes = [operation, course], _notes(operation, course)
        yield table.advise("after-surgery", used=used, notes=notes, how=how, days=days, limit=limit)
    elif days.below(limit) is None:
        _not_dated(operation, course, chart)


def _notes(operation: ProcedureRecord, course: ProcedureRecord) -> list[str]:
    notes = [] if course.sites else ["no_field"]
    return notes if {operation.state, course.state} & set(DONE) else [*notes, "both_ahead"]


def _not_dated(operation: ProcedureRecord, course: ProcedureRecord, chart: Chart) -> None:
    """Which of the two dates is not precise enough to tell."""
    vague = course if operation.evidence.when and operation.evidence.when.precise else operation
    chart.unknown[vague.name] = Missing(vague.name, DATE_NOT_PRECISE, vague.evidence.reference)
