"""A bone-modifying agent over time: a bisphosphonate given late or stopped early, a skeletal event in spite of it."""

from __future__ import annotations

from datetime import timedelta

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import (
    ACTIVE,
    DENOSUMAB,
    OSTEOPOROSIS,
    Course,
    bisphosphonates,
    bone_modifying,
    which_denosumab,
)
from cards.facts.ordered import INFUSED, bone_disease
from cards.facts.skeletal_events import skeletal_events
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.when import When


@advisory(hooks=[PATIENT_VIEW], reads=[DrugRecord, Problem, ProcedureRecord])
def bma_duration(chart: Chart, situation: Situation, table: Table) -> Advices:
    if not bone_disease(chart):
        return
    active = [course for course in bone_modifying(chart, situation) if course.status == ACTIVE]
    for course in bisphosphonates(chart, situation).values():
        if course.drug in INFUSED and not all(record.route == "oral" for record in course.records):
            yield from _interval(course, table)
            if not active:
                yield from _stopped_early(course, chart, table)
    for course in active:
        yield from _event(course, chart, situation, table)


def _interval(course: Course, table: Table) -> Advices:
    """An order that goes on: written for a longer interval than the sources know, or not given for longer."""
    longest = table.number("longest_interval")
    if not course.order_active or course.last is None:
        return
    plan = course.interval_days
    if plan is not None and plan > longest:
        yield table.advise("interval", used=[course.last], about=course.drug, drug=drug(course.drug), plan=plan)
    elif course.days is not None and course.days.above(longest):
        notes = ["ordered_only"] if course.ordered_only else []
        yield table.advise(
            "late", used=[course.last], notes=notes, about=course.drug, drug=drug(course.drug), days=course.days
        )


def _stopped_early(course: Course, chart: Chart, table: Table) -> Advices:
    """Stopped within months of its start, no reason written, and nothing taken its place."""
    stop = course.stop_record
    if stop is None or stop.status != "stopped" or not course.doses:
        return
    if any(record.status_reason or "hypercalcaemia" in record.reasons for record in course.records):
        return
    begun = course.doses[0].evidence.when
    ended = stop.stop or course.doses[-1].evidence.when
    if begun is None or ended is None or not ended.days_before(chart.as_of).at_most(table.number("recent_stop")):
        return
    after = begun.days_before(ended.last)
    if after.below(table.number("shortest_course")):
        used = [stop, course.doses[0], course.doses[-1]]
        yield table.advise("stopped", used=used, about=course.drug, drug=drug(course.drug), after=after)


def _event(course: Course, chart: Chart, situation: Situation, table: Table) -> Advices:
    """A new skeletal event after the agent has had time to work."""
    first = course.doses[0].evidence.when if course.doses else None
    if first is None:
        return
    if course.drug == DENOSUMAB and which_denosumab(chart, situation) == OSTEOPOROSIS:
        return
    settled = first.last + timedelta(days=table.days("settled"))
    for event in reversed(skeletal_events(chart)):
        when: When | None = event.evidence.when
        if when and when.first >= settled and when.days_before(chart.as_of).at_most(table.number("new_event")):
            yield table.advise(
                "event",
                used=[event, course.last],
                notes=["switch"] if course.drug == DENOSUMAB else [],
                about=course.drug,
                drug=drug(course.drug),
                event=_word(event, table),
                date=when,
            )
            return


def _word(event: Finding, table: Table) -> object:
    return next(table.word[name] for name in event.names if name in table.word)
