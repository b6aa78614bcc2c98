"""A targeted drug shortly before an operation: is the gap long enough for the wound to heal?"""

from __future__ import annotations

import msgspec

from cards.advisory import APPOINTMENT_BOOK, ORDER_SELECT, ORDER_SIGN, Advices, advisory
from cards.facts.exposure import ACTIVE, course
from cards.facts.surgery import LONG_BONE, SPINE, days_to, drafted_surgery, is_emergency, surgery_day
from cards.situation import Situation
from cards.table import Band, Table
from fhir_mappings.chart import Chart
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.when import When, on_day

VEGF, EGFR = "med-vegf-antibody", "med-egfr-tki"
DRAFTED_STOP = ("stopped", "cancelled", "completed")


class Exposure(msgspec.Struct, frozen=True):
    """One drug: the record that dates its last dose, that day (None: not known), and whether it goes on."""

    drug: str
    record: DrugRecord
    last: When | None
    continues: bool


@advisory(
    hooks=[APPOINTMENT_BOOK, ORDER_SELECT, ORDER_SIGN], reads=[DrugRecord, ProcedureRecord], asks=["spine-emergency"]
)
def targeted_washout(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE, LONG_BONE)
    if surgery is None or is_emergency(surgery, situation):
        return
    for exposure in (_infused(chart, situation), _daily(chart, situation)):
        if exposure is not None:
            yield from _about(exposure, surgery, chart, situation, table)


def _infused(chart: Chart, situation: Situation) -> Exposure | None:
    """A VEGF antibody, given every few weeks: while it is ordered, more doses may follow the last one."""
    taken = course(chart, situation, VEGF)
    if taken.last is None:
        return Exposure(VEGF, taken.records[-1], None, False) if taken.records else None
    continues = taken.order_active and taken.status == ACTIVE and not _stop_drafted(VEGF, situation)
    return Exposure(VEGF, taken.last, taken.last.evidence.when, continues)


def _daily(chart: Chart, situation: Situation) -> Exposure | None:
    """An EGFR inhibitor, taken every day until it is stopped, or until the day its order ends."""
    taken = course(chart, situation, EGFR)
    active = [record for record in taken.records if record.status == "active"]
    if taken.order_active and taken.status == ACTIVE:
        if _stop_drafted(EGFR, situation):
            return Exposure(EGFR, active[-1], on_day(situation.as_of), False)
        ends = [record.stop for record in active if record.stop is not None]
        if len(ends) == len(active):
            return Exposure(EGFR, active[-1], max(ends, key=lambda end: end.order), False)
        return Exposure(EGFR, active[-1], None, True)
    dated = [(record, day) for record in taken.records if (day := _last_day(record)) is not None]
    if dated:
        record, day = max(dated, key=lambda pair: pair[1].order)
        return Exposure(EGFR, record, day, False)
    return Exposure(EGFR, taken.records[-1], None, False) if taken.records else None


def _last_day(record: DrugRecord) -> When | None:
    """The last day a record vouches for; that of an order is where it ended, not where it began."""
    return record.stop if record.record == "ordered" else record.evidence.when


def _about(exposure: Exposure, surgery: ProcedureRecord, chart: Chart, situation: Situation, table: Table) -> Advices:
    band = _band(exposure, surgery, situation, table)
    if band is None:
        chart.unknown[exposure.drug] = Missing(exposure.drug, DATE_NOT_PRECISE)
    elif not band.silent:
        ordered_only = exposure.drug == VEGF and exposure.record.record == "ordered"
        yield table.advise(
            band,
            used=[exposure.record, surgery],
            notes=[
                *(["ordered_only"] if ordered_only else []),
                *(["undated"] if surgery.evidence.when is None else []),
            ],
            about=exposure.drug,
            drug=table.word[exposure.drug],
            days=days_to(surgery, situation, exposure.last) if exposure.last else "",
            washout=table.number(exposure.drug),
        )


def _band(exposure: Exposure, surgery: ProcedureRecord, situation: Situation, table: Table) -> Band | None:
    """The band of the gap; None when a date is not precise enough to tell."""
    if exposure.last is None:
        return table.band["egfr-active"] if exposure.continues else None
    bands = table.reach(days_to(surgery, situation, exposure.last), exposure.drug)
    if len(bands) > 1 or bands[0] is None:
        return None
    later = surgery_day(surgery, situation).first > situation.as_of
    if exposure.continues and later and bands[0].name != "vegf-short":
        return table.band["vegf-continues"]
    return bands[0]


def _stop_drafted(drug: str, situation: Situation) -> bool:
    return any(draft.status in DRAFTED_STOP for draft in situation.drafted(DrugRecord, drug))
