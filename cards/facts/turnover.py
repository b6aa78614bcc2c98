"""Markers of bone turnover above the laboratory's own limit."""

from __future__ import annotations

from decimal import Decimal

from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.finding import NOT_RECORDED, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.ranges import Range

ALP, CTX = "alp-total", "ctx-serum"


@derived
def raised_alp(chart: Chart, situation: Situation) -> Lab | None:
    """The newest ALP when all of it lies above the factor times the laboratory's upper limit."""
    factor = situation.table("work_up").number("alp_factor")
    return _raised(chart, ALP, int(situation.setting("lab_max_age_days")), factor, "alp-uln")


@derived
def raised_ctx(chart: Chart, situation: Situation) -> Lab | None:
    """The newest serum CTX when it lies above the laboratory's upper limit."""
    return _raised(chart, CTX, int(situation.setting("lab_max_age_days_ctx")), Decimal(1), "ctx-uln")


def times_upper_limit(lab: Lab) -> Range | None:
    """How many times the laboratory's upper limit, to one decimal; None without a limit."""
    if lab.high is None or lab.high.hi <= 0:
        return None
    return lab.value.times(1 / lab.high.hi).rounded(1)


def _raised(chart: Chart, analyte: str, max_age: int, factor: Decimal, limit: str) -> Lab | None:
    lab = chart.latest(Lab, analyte, within_days=max_age)
    if not lab:
        return None
    if lab.high is None:
        chart.unknown[limit] = Missing(limit, NOT_RECORDED)  # a value without its limit: not known to be raised
        return None
    return lab if lab.value.above(lab.high.hi * factor) else None
