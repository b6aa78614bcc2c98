"""The systemic therapy a patient is on, since when, and whether a lesion was seen before or after any of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.ranges import Range
from fhir_mappings.when import When

F = TypeVar("F", bound=Finding)

SYSTEMIC = "med-systemic-therapy"
CHEMOTHERAPY_BEFORE = "history-chemotherapy-flag"


class Regimen(msgspec.Struct, frozen=True):
    """The drugs taken now. ``start``: the first exposure to the drug that came last, when this regimen was complete."""

    start: When
    first: DrugRecord


@derived
def regimen(chart: Chart, situation: Situation) -> Regimen | None:
    """The current systemic regimen (ruling 26), None when no systemic drug is current or none is dated."""
    by_drug: dict[tuple[object, ...], list[DrugRecord]] = defaultdict(list)
    for record in chart.all(DrugRecord, SYSTEMIC):
        if record.route != "topical":
            by_drug[record.display.casefold(), record.concepts].append(record)
    firsts = [_first(records) for records in by_drug.values() if _current(records, chart, situation)]
    dated = [(when, record) for record in firsts if record is not None and (when := began(record)) is not None]
    if not dated:
        return None
    start, first = max(dated, key=lambda pair: pair[0].order)
    return Regimen(start, first)


def began(record: DrugRecord) -> When | None:
    """When the exposure a record tells of began."""
    dates = [when for when in (record.start, record.evidence.when) if when is not None]
    return min(dates, key=lambda when: when.order, default=None)


def treated_before(chart: Chart, lesion: Lesion) -> bool | None:
    """Whether systemic therapy preceded the lesion as it is described; None when that cannot be known."""
    recorded = lesion.value("systemic-therapy-before")
    if isinstance(recorded, bool):
        return recorded
    item = lesion.items.get("lesion-matrix")
    described = item.evidence.when if item else lesion.evidence.when
    exposures = chart.all(DrugRecord, SYSTEMIC)
    before = [_before(began(record), described) for record in exposures]
    if True in before or chart.all(Problem, CHEMOTHERAPY_BEFORE):
        return True
    known = chart.gap(DrugRecord) is None and (bool(exposures) or chart.lacks(DrugRecord, SYSTEMIC))
    return False if known and None not in before and chart.lacks(Problem, CHEMOTHERAPY_BEFORE) else None


def days_between(first: When, second: When) -> Range:
    """Whole days from the first date to the second, as a range where one of them is partial."""
    return Range.of((second.first - first.last).days, (second.last - first.first).days)


def latest_after(findings: Iterable[F], start: When) -> F | None:
    """The last of the findings that surely came after ``start``."""
    later = [one for one in findings if one.evidence.when and one.evidence.when.first > start.last]
    return max(later, key=lambda one: one.order, default=None)


def _first(records: list[DrugRecord]) -> DrugRecord | None:
    dated = [(when, record) for record in records if (when := began(record)) is not None]
    return min(dated, key=lambda pair: pair[0].order)[1] if dated else None


def _current(records: list[DrugRecord], chart: Chart, situation: Situation) -> bool:
    """Ordered or stated as active and had within half a year, or a dose a short while ago (ruling 41)."""
    table = situation.table("exposure")
    active = any(record.status == "active" for record in records)
    days = table.days("order_active" if active else "dose_active")
    if active and all(record.route == "oral" for record in records):
        return True
    if not active and any(record.record in ("ordered", "stated") for record in records):
        return False  # every order and statement of it has ended
    return any(
        record.evidence.when and record.evidence.when.days_before(chart.as_of).at_most(days) for record in records
    )


def _before(one: When | None, other: When | None) -> bool | None:
    """Whether the first date lies before the second on every day they may mean; None where it depends."""
    if one is None or other is None:
        return None
    return days_between(one, other).above(0)
