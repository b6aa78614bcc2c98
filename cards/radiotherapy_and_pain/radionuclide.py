"""A bone-seeking radionuclide is being signed: marrow, spinal canal and bone have to allow it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import cast

import msgspec

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.exposure import ACTIVE, course
from cards.facts.long_bones import fracture_of
from cards.facts.spine import in_spine
from cards.fracture_risk.mirels import eligible, lesion_score
from cards.situation import Situation
from cards.spine import sins
from cards.table import Table
from cards.text import joined, listed
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

DRUG, RADIUM, PROCEDURE = "med-radiopharma-bone", "med-radium-223", "proc-radionuclide-therapy"
COMPRESSION = ("spinal-cord-compression", "cauda-equina")
NOT_CHEMOTHERAPY = {
    "med-endocrine-breast-prostate",
    "med-egfr-tki",
    "med-egfr-antibody",
    "med-vegf-antibody",
    "med-vegf-tki",
}
BANDS = ("contraindicated", "caution", "chemotherapy")


class Reason(msgspec.Struct, frozen=True):
    """Why the order deserves a second look: the band it belongs to, its word, and what says so or is not known."""

    band: str
    word: str
    used: Finding | None = None
    missing: Missing | None = None


@advisory(hooks=[ORDER_SIGN], reads=[DrugRecord, ProcedureRecord, Lesion, Lab, Problem])
def radionuclide(chart: Chart, situation: Situation, table: Table) -> Advices:
    order = _order(situation)
    if order is None:
        return
    day = _day(order, situation)
    reasons = [
        *_epidural(chart, table),
        *_marrow(chart, situation, table),
        *_bone(chart, situation),
        *_drugs(day, chart, situation, table),
    ]
    band = next((band for band in BANDS if any(reason.band == band for reason in reasons)), None)
    if band is None:
        return
    first, others = _words(reasons, band), _words(reasons, *(set(BANDS) - {band}))
    ungraded = [Missing("escc-grade")] if not any("escc-grade" in lesion.items for lesion in chart.all(Lesion)) else []
    yield table.advise(
        band,
        used=[order, *(reason.used for reason in reasons)],
        missing=[*(reason.missing for reason in reasons if reason.missing is not None), *ungraded],
        lines=[table.line("others", reasons=joined(table.word[word] for word in others))] if others else [],
        reason=listed(table.word[word] for word in first),
    )


def _order(situation: Situation) -> DrugRecord | ProcedureRecord | None:
    """The radionuclide being ordered; radium, which the sources do not cover, is left alone."""
    drugs = [draft for draft in situation.drafted(DrugRecord, DRUG) if draft.status == "draft"]
    others = [draft for draft in drugs if RADIUM not in draft.names]
    procedures = [draft for draft in situation.drafted(ProcedureRecord, PROCEDURE) if draft.state == "draft"]
    orders: list[DrugRecord | ProcedureRecord] = [*others, *([] if drugs else procedures)]
    return orders[0] if orders else None


def _day(order: DrugRecord | ProcedureRecord, situation: Situation) -> date:
    """The day it is meant for, today when none is written (ruling 11)."""
    when = order.scheduled if isinstance(order, DrugRecord) else order.evidence.when
    return when.first if when is not None else situation.as_of


def _words(reasons: list[Reason], *bands: str) -> list[str]:
    return list(dict.fromkeys(reason.word for reason in reasons if reason.band in bands))


def _epidural(chart: Chart, table: Table) -> Iterator[Reason]:
    grades = table.choice("epidural")
    for lesion in chart.all(Lesion):
        if lesion.text("escc-grade") in grades:
            yield Reason("contraindicated", "epidural", lesion.items["escc-grade"])
    for problem in chart.any(Problem, *COMPRESSION):
        if problem.present and problem.certainty == "confirmed":
            yield Reason("contraindicated", "epidural", problem)


def _marrow(chart: Chart, situation: Situation, table: Table) -> Iterator[Reason]:
    """Counts below the limit; counts that are not known, or written so that they might be."""
    within = int(situation.setting("lab_max_age_days"))
    for name in ("platelets", "wbc"):
        count = chart.latest(Lab, name, within_days=within)
        if isinstance(count, Missing):
            yield Reason("caution", "counts", missing=count)
        elif count.value.below(table.number(name)):
            yield Reason("contraindicated", "marrow", count)
        elif not count.value.at_least(table.number(name)):
            yield Reason("caution", "counts", count)


def _bone(chart: Chart, situation: Situation) -> Iterator[Reason]:
    """A bone that may break: Mirels or SINS in a band that speaks, or a fracture."""
    for lesion in chart.all(Lesion):
        if in_spine(lesion.site):
            if _speaks(sins.total(lesion, chart, _table("sins", situation)), _table("sins", situation)):
                yield Reason("caution", "unstable", lesion)
        elif fracture_of(chart, lesion) or _speaks(_mirels(lesion, situation), _table("mirels", situation)):
            yield Reason("caution", "fracture", lesion)


def _table(name: str, situation: Situation) -> Table:
    return cast(Table, situation.table(name))


def _mirels(lesion: Lesion, situation: Situation) -> Range | None:
    """The total the lesion may have; a recorded one stands in for items that are missing."""
    if not eligible(lesion):
        return None
    score = lesion_score(lesion, _table("mirels", situation))
    recorded = lesion.number("mirels-score")
    return recorded if recorded is not None and not score.complete else score.total


def _speaks(total: Range | None, table: Table) -> bool:
    """Every total it may have lies in a band that speaks."""
    lowest = table.reach(total)[0] if total is not None else None
    return lowest is not None and not lowest.silent


def _drugs(day: date, chart: Chart, situation: Situation, table: Table) -> Iterator[Reason]:
    calcium = course(chart, situation, "med-calcium")
    taken = calcium.status == ACTIVE and calcium.order_active  # a dose alone counts by its own day
    if calcium.last is not None and (taken or _within(calcium.last, day, table.days("calcium"))):
        yield Reason("caution", "calcium", calcium.last)
    systemic = [
        record
        for record in chart.all(DrugRecord, "med-systemic-therapy")
        if not record.concepts & NOT_CHEMOTHERAPY and _within(record, day, table.days("chemotherapy"))
    ]
    if systemic:
        yield Reason("chemotherapy", "chemotherapy", systemic[-1])


def _within(record: DrugRecord, day: date, days: int) -> bool:
    when = record.evidence.when
    return when is not None and when.days_before(day).at_most(days) is True
