"""The calcium a rule judges by: corrected for albumin where that is possible, and honest about it where it is not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec

from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.patient import Care
from fhir_mappings.ranges import Range

CORRECTED, UNCORRECTED = "corrected", "uncorrected"
LAB_LIMIT = "lab ULN"  # the word of the setting calcium_mild_low


class Calcium(msgspec.Struct, frozen=True):
    """``value`` in mmol/L, rounded after correction; ``kind`` corrected or uncorrected.

    ``measured`` is the calcium result itself, with the laboratory's own reference limits; ``albumin`` what corrected
    it, None when the laboratory did or nothing could.
    """

    value: Range
    kind: str
    measured: Lab
    albumin: Lab | None = None

    @property
    def used(self) -> tuple[Lab, ...]:
        return (self.measured, self.albumin) if self.albumin else (self.measured,)


@derived
def calcium(chart: Chart, situation: Situation) -> Calcium | Missing:
    """The newest calcium young enough to count: the laboratory's corrected value, else total corrected by albumin.

    A corrected value is never corrected again; without an albumin of the same draw (24 h) the total is used and said
    to be uncorrected (clinical document 1.4).
    """
    table = situation.table("calcium")
    max_age = _max_age(chart, situation)
    total = chart.latest(Lab, "calcium-total", within_days=max_age)
    adjusted = chart.latest(Lab, "calcium-albumin-corrected", within_days=max_age)
    places = table.days("places")
    if adjusted and not (total and _later(total, adjusted)):
        return Calcium(adjusted.value.rounded(places), CORRECTED, adjusted)
    if not total:
        return total
    albumin = _same_draw(chart, total, table.days("same_draw_hours"))
    if albumin is None or table.choice("basis") == "total":
        return Calcium(total.value.rounded(places), UNCORRECTED, total)
    slope, normal = table.number("slope"), table.number("normal_albumin")
    value = _sum(total.value, albumin.value, slope, normal).rounded(places)
    return Calcium(value, CORRECTED, total, albumin)


def _sum(total: Range, albumin: Range, slope: Decimal, normal: Decimal) -> Range:
    """total + slope x (normal - albumin), each end with the end of albumin that makes it extreme."""
    return Range(
        total.lo + slope * (normal - albumin.hi),
        total.hi + slope * (normal - albumin.lo),
        total.lo_open or albumin.hi_open,
        total.hi_open or albumin.lo_open,
    )


def _max_age(chart: Chart, situation: Situation) -> int:
    """Seven days for an inpatient, only when an Encounter says so; else 28 (ruling 21)."""
    setting = "inpatient" if chart.all(Care, "inpatient") else "outpatient"
    chart.unknown.pop("inpatient", None)  # not knowing the setting is no reason to be unsure of the calcium
    return int(situation.setting(f"lab_max_age_days_calcium_{setting}"))


def _later(one: Lab, other: Lab) -> bool:
    first, second = one.evidence.when, other.evidence.when
    return bool(first and second and first.first > second.last)


def _same_draw(chart: Chart, total: Lab, hours: int) -> Lab | None:
    candidates = [albumin for albumin in chart.all(Lab, "albumin-serum") if _near(albumin, total, hours)]
    return candidates[-1] if candidates else None


def _near(one: Lab, other: Lab, hours: int) -> bool:
    first, second = one.evidence.when, other.evidence.when
    if first is None or second is None:
        return False
    if first.instant and second.instant:
        return abs(first.instant - second.instant) <= timedelta(hours=hours)
    return first.precise and second.precise and abs(first.first - second.first) <= timedelta(hours=hours)
