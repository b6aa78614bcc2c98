"""Spine surgery for a tumour that bleeds: has embolisation been considered, and does surgery follow it in time?"""

from __future__ import annotations

from decimal import Decimal

from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.diagnosis import primary_sites
from cards.facts.spine import in_spine
from cards.facts.surgery import SPINE, days_to, drafted_surgery, is_emergency
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

EMBOLIZATION = "proc-embolization"
HYPERVASCULAR = ("kidney", "thyroid")
SECONDS_AN_HOUR = 3600


@advisory(hooks=[ORDER_SIGN, APPOINTMENT_BOOK], reads=[ProcedureRecord, Problem], asks=["spine-emergency"])
def embolization(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE)
    if surgery is None:
        return
    embolised = _for_this(surgery, chart, situation, table)
    if embolised:
        yield from _interval(embolised[-1], surgery, chart, table)
        return
    primary = next((site for site in HYPERVASCULAR if site in primary_sites(chart)), None)
    if primary and chart.lacks(ProcedureRecord, EMBOLIZATION, within_days=table.days("same_episode")):
        yield table.advise(
            "consider",
            used=[primary_sites(chart)[primary], surgery],
            notes=["emergency"] if is_emergency(surgery, situation) else [],
            primary=table.word[primary],
            target=table.number("target"),
            most=table.number("most"),
        )


def _for_this(surgery: ProcedureRecord, chart: Chart, situation: Situation, table: Table) -> list[ProcedureRecord]:
    """Embolisations done or planned before this operation, oldest first; an old one was for another operation."""
    known = [*chart.all(ProcedureRecord, EMBOLIZATION), *situation.drafted(ProcedureRecord, EMBOLIZATION)]
    return [
        record
        for record in known
        if record.state in ("done", "fulfilled", "planned", "draft")
        and (not record.sites or any(in_spine(site) for site in record.sites))
        and _recent(record, surgery, situation, table)
    ]


def _recent(record: ProcedureRecord, surgery: ProcedureRecord, situation: Situation, table: Table) -> bool:
    when = record.evidence.when
    return when is None or days_to(surgery, situation, when).at_most(table.number("same_episode")) is not False


def _interval(record: ProcedureRecord, surgery: ProcedureRecord, chart: Chart, table: Table) -> Advices:
    """Hours from embolisation to surgery; both need a clock time (ruling 31)."""
    hours = _hours(record, surgery)
    if hours is None:
        chart.unknown[EMBOLIZATION] = Missing(EMBOLIZATION, DATE_NOT_PRECISE)
        return
    band = table.band_of(hours, "hours")
    if band is not None and not band.silent:
        yield table.advise(
            band,
            used=[record, surgery],
            hours=hours.rounded(1),
            target=table.number("target"),
            most=table.number("most"),
        )


def _hours(record: ProcedureRecord, surgery: ProcedureRecord) -> Range | None:
    start = record.evidence.when.instant if record.evidence.when else None
    end = surgery.evidence.when.instant if surgery.evidence.when else None
    if start is None or end is None:
        return None
    return Range.of(Decimal((end - start).total_seconds()) / SECONDS_AN_HOUR)
