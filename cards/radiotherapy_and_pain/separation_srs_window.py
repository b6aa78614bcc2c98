"""After separation surgery: is the stereotactic radiotherapy booked, and inside its window?"""

from __future__ import annotations

from typing import Any

from cards.advice import at_most
from cards.advisory import APPOINTMENT_BOOK, ENCOUNTER_DISCHARGE, PATIENT_VIEW, Advices, advisory
from cards.facts.local_treatment import AHEAD, DONE, days_between, records
from cards.facts.radiotherapy import RADIOTHERAPY, STEREOTACTIC, may_be_same
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

OPERATION = "proc-separation-surgery"


@advisory(hooks=[PATIENT_VIEW, APPOINTMENT_BOOK, ENCOUNTER_DISCHARGE], reads=[ProcedureRecord])
def separation_srs_window(chart: Chart, situation: Situation, table: Table) -> Advices:
    done = [record for record in chart.all(ProcedureRecord, OPERATION) if record.state in DONE]
    if not done:
        return
    operation = done[-1]
    if operation.evidence.when is None:
        chart.unknown[OPERATION] = Missing(OPERATION, DATE_NOT_PRECISE, operation.evidence.reference)
        return
    after = [each for each in records(chart, situation, RADIOTHERAPY, STEREOTACTIC) if _may_follow(each, operation)]
    stereotactic = [record for record in after if STEREOTACTIC in record.concepts]
    if any(record.state in DONE and record.evidence.when for record in stereotactic):
        return
    booked = [record for record in stereotactic if record.state in AHEAD and _to_come(record, chart)]
    drafts = [record for record in booked if record.state == "draft"]
    if booked:
        yield from _booked(operation, (drafts or booked)[0], chart, table)
    elif chart.gap(ProcedureRecord) is None:
        yield from _unbooked(operation, after, chart, table)


def _may_follow(record: ProcedureRecord, operation: ProcedureRecord) -> bool:
    """Not surely before the operation, and not of another level."""
    days = days_between(operation.evidence.when, record.evidence.when)
    same_place = (
        not record.sites
        or not operation.sites
        or any(may_be_same(one, other) for one in record.sites for other in operation.sites)
    )
    return same_place and (days is None or days.at_least(0) is not False)


def _to_come(record: ProcedureRecord, chart: Chart) -> bool:
    when = record.evidence.when
    return when is not None and when.last >= chart.as_of


def _booked(operation: ProcedureRecord, plan: ProcedureRecord, chart: Chart, table: Table) -> Advices:
    """The booked day, counted from the operation."""
    days = days_between(operation.evidence.when, plan.evidence.when)
    start, end = table.choice("window")
    if days is None:
        return
    inside = days.at_least(start) and days.at_most(end)
    band = next(
        (
            name
            for name, reached in (
                ("too-early", days.below(table.number("wound"))),
                ("early", days.at_least(table.number("wound")) and days.below(start)),
                ("late", days.above(end)),
            )
            if reached
        ),
        None,
    )
    if band is not None:
        yield table.advise(band, used=[operation, plan], **_numbers(days, table))
    elif not inside:
        chart.unknown[STEREOTACTIC] = Missing(STEREOTACTIC, DATE_NOT_PRECISE, plan.evidence.reference)


def _unbooked(operation: ProcedureRecord, after: list[ProcedureRecord], chart: Chart, table: Table) -> Advices:
    """No dated plan: the more urgent the nearer the window's end. Years later nothing can be caught up: silent.

    Radiotherapy on record after the operation that is undated, past its day or not called stereotactic may be the one
    meant: the card says so and is no more than a warning.
    """
    assert operation.evidence.when is not None
    days = operation.evidence.when.days_before(chart.as_of)
    if days.above(table.number("over")):
        return
    _, end = table.choice("window")
    reached = (
        ("passed", days.above(end) and days.at_most(table.number("over"))),
        ("urgent", days.at_least(table.number("second"))),
        ("remind", days.at_least(table.number("first"))),
    )
    band = next((table.band[name] for name, sure in reached if sure), None)
    if band is None:
        if days.at_least(table.number("first")) is None:
            chart.unknown[OPERATION] = Missing(OPERATION, DATE_NOT_PRECISE, operation.evidence.reference)
        return
    if after:
        indicator, used = at_most(band.indicator, "warning"), [operation, after[-1]]
        yield table.advise("unclear", indicator=indicator, used=used, notes=["indirect"], **_numbers(days, table))
    else:
        yield table.advise(band, used=[operation], **_numbers(days, table))


def _numbers(days: Range, table: Table) -> dict[str, Any]:
    start, end = table.choice("window")
    return {"days": days, "start": start, "end": end, "wound": table.number("wound")}
