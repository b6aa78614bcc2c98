"""A dental procedure and a bone-modifying agent: does it open bone, how long since the last dose, when to go on?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from cards.advice import Advice
from cards.advisory import APPOINTMENT_BOOK, ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.dental import EXAMINATION, SIMPLE, UNKNOWN, done, kind_and_word, opens_bone, planned, unexamined
from cards.facts.exposure import (
    ACTIVE,
    DENOSUMAB,
    ONCOLOGY,
    OTHER_USE,
    Course,
    bisphosphonates,
    bone_modifying,
    denosumab,
    tablets,
    which_denosumab,
)
from cards.facts.ordered import agent, drafted_doses, for_hypercalcaemia, for_osteoporosis, present
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.when import When, on_day

RISK_PROBLEMS = ("diabetes", "dental-disease")
RISK_DRUGS = ("med-glucocorticoid", "med-vegf-antibody", "med-vegf-tki")


class Exposure(msgspec.Struct, frozen=True):
    """An agent that matters for a procedure: its course, the days from its last dose to that procedure.

    ``oncologic``: False for osteoporosis doses, tablets, and a denosumab whose product is not clear; of these no pause
    is spoken of.
    """

    course: Course
    days: Range
    oncologic: bool


@advisory(
    hooks=[APPOINTMENT_BOOK, ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW], reads=[ProcedureRecord, DrugRecord, Problem]
)
def onj_dental(chart: Chart, situation: Situation, table: Table) -> Advices:
    plans = planned(chart, situation)
    doses = [draft for draft in drafted_doses(situation) if not for_osteoporosis(draft, chart, situation)]
    if situation.hook == PATIENT_VIEW or any(plan.state == "draft" for plan in plans):
        for plan in plans:
            for exposure in _exposures(plan, chart, situation, table):
                yield from _procedure(plan, exposure, chart, situation, table)
    elif situation.ordering:
        for draft in doses:
            yield from _dose(draft, plans, chart, situation, table)
    if situation.hook == PATIENT_VIEW and not plans:
        yield from _examination(chart, situation, table)


def _exposures(plan: ProcedureRecord, chart: Chart, situation: Situation, table: Table) -> Iterator[Exposure]:
    """Denosumab of the last months, whether it goes on or not; bisphosphonates that go on or have only just stopped."""
    taken = denosumab(chart, situation)
    since = _days(taken, plan, situation)
    if since is not None and since.at_most(table.number("denosumab_within")) is not False:
        oncologic = which_denosumab(chart, situation) in (ONCOLOGY, OTHER_USE)
        yield Exposure(taken, since, oncologic)
    for course in bisphosphonates(chart, situation).values():
        since = _days(course, plan, situation)
        if since is None:
            continue
        just_stopped = since.below(_pause(course.drug, table) or 0) is True and course.doses
        if course.status == ACTIVE or just_stopped:
            yield Exposure(course, since, not tablets(course.drug, course.records))


def _procedure(plan: ProcedureRecord, exposure: Exposure, chart: Chart, situation: Situation, table: Table) -> Advices:
    kind, word = kind_and_word(plan) or (UNKNOWN, "dental")
    course, days = exposure.course, exposure.days
    risks = _risks(chart, table)
    facts: dict[str, Any] = {
        "used": [plan, course.last],
        "about": course.drug,
        "procedure": table.word[word],
        "drug": drug(course.drug),
        "days": days,
        "risks": joined(risks),
    }
    notes = ["risks"] if risks and kind != SIMPLE else []
    pause = _pause(course.drug, table)
    if kind == SIMPLE:
        yield table.advise("simple", **facts)
    elif kind == UNKNOWN:
        yield table.advise("ask", missing=[Missing("dental-procedure")], notes=notes, **facts)
    elif not exposure.oncologic or pause is None:
        yield table.advise("neutral", notes=notes, **facts)
    else:
        yield _timed(plan, exposure, pause, notes, facts, table)


def _timed(
    plan: ProcedureRecord, exposure: Exposure, pause: int, notes: list[str], facts: dict[str, Any], table: Table
) -> Advice:
    """A procedure that opens bone, by the days since the last dose; never a pause without a date to go on."""
    days, is_denosumab = exposure.days, exposure.course.drug == DENOSUMAB
    facts = facts | _dates(exposure.course, table) | {"pause": pause}
    notes += ["ordered_only"] if exposure.course.ordered_only else []
    if is_denosumab and days.at_least(pause) and days.above(table.days("review")):
        ends = "restart_by" if days.at_most(table.days("restart")) else "restart_passed"
        return table.advise("overlap", notes=[*notes, ends], **facts)
    notes += ["restart_denosumab" if is_denosumab else "review"]
    if days.below(pause):
        return table.advise("short", notes=notes, **facts)
    if days.at_least(pause):
        return table.advise("reached-denosumab" if is_denosumab else "reached", notes=notes, **facts)
    unclear = [Missing("dental-procedure-date")] if plan.evidence.when is None and plan.state != "draft" else []
    if not unclear:
        unclear = [Missing(exposure.course.drug, DATE_NOT_PRECISE)]
    return table.advise("undated", missing=unclear, notes=notes, **facts)


def _dose(draft: DrugRecord, plans: list[ProcedureRecord], chart: Chart, situation: Situation, table: Table) -> Advices:
    """A dose drafted shortly before a procedure that opens bone, or after one that may not have healed."""
    pause = _pause(agent(draft), table)
    day = draft.scheduled.first if draft.scheduled else situation.as_of
    facts: dict[str, Any] = {
        "indicator": "info" if for_hypercalcaemia(draft) else None,
        "notes": ["hypercalcaemia"] if for_hypercalcaemia(draft) else [],
        "about": agent(draft),
        "drug": drug(agent(draft)),
    }
    for plan in plans:
        when = plan.evidence.when
        ahead = when.days_before(day) if when else None
        if not opens_bone(plan) or pause is None or draft.route == "oral" or ahead is None:
            continue
        gap = Range(-ahead.hi, -ahead.lo)
        if gap.at_least(0) and gap.below(pause):
            yield table.advise("dose-before", used=[plan, draft], procedure=_word(plan, table), days=gap, **facts)
    for past in done(chart, table.days("healing"))[-1:]:
        since = past.evidence.when.days_before(day) if past.evidence.when else None
        if since is not None and since.at_least(0) and since.at_most(table.days("healing")):
            yield table.advise("dose-after", used=[past, draft], procedure=_word(past, table), days=since, **facts)


def _examination(chart: Chart, situation: Situation, table: Table) -> Advices:
    """On an oncologic agent, and it is known that no dentist has looked for months."""
    for course in bone_modifying(chart, situation):
        if course.status != ACTIVE or tablets(course.drug, course.records):
            continue
        if course.drug == DENOSUMAB and which_denosumab(chart, situation) not in (ONCOLOGY, OTHER_USE):
            continue
        if unexamined(chart, situation, table.days("examined")):
            last = chart.latest(ProcedureRecord, EXAMINATION, within_days=table.days("examined"))
            yield table.advise(
                "examination",
                used=[course.last],
                missing=[last] if isinstance(last, Missing) else [],
                about=course.drug,
                drug=drug(course.drug),
            )
        return


def _days(course: Course, plan: ProcedureRecord, situation: Situation) -> Range | None:
    """Days from the last dose to the procedure; open-ended for a plan without a date, today for a draft without one."""
    if course.last is None or course.last.evidence.when is None:
        return None
    last = course.last.evidence.when
    when: When | None = plan.evidence.when or (on_day(situation.as_of) if plan.state == "draft" else None)
    if when is None:
        return Range(last.days_before(situation.as_of).lo, INFINITY)
    return Range.of((when.first - last.last).days, (when.last - last.first).days)


def _pause(drug_name: str, table: Table) -> int | None:
    """The reference pause in days; None where a site has none (``denosumab_dental_pause_d = "none"``)."""
    days = table.choice("denosumab_pause" if drug_name == DENOSUMAB else "bisphosphonate_pause")
    return None if days is None else int(days)


def _dates(course: Course, table: Table) -> dict[str, str]:
    """When a pause is to be reviewed and when it has to end, from the earliest day the last dose may have been."""
    last = course.last.evidence.when if course.last else None
    if last is None:
        return {}
    return {name: (last.first + timedelta(days=table.days(name))).isoformat() for name in ("review", "restart")}


def _word(record: ProcedureRecord, table: Table) -> Text:
    kind = kind_and_word(record)
    return table.word[kind[1] if kind else "dental"]


def _risks(chart: Chart, table: Table) -> list[Text]:
    """What on record makes jaw osteonecrosis more likely."""
    problems = [table.word[name] for name in RISK_PROBLEMS if present(chart, name)]
    drugs = [
        table.word[name]
        for name in RISK_DRUGS
        if any(record.status == "active" and record.route != "topical" for record in chart.all(DrugRecord, name))
    ]
    return [*problems, *drugs]
