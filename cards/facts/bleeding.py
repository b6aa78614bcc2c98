"""Whether the blood clots well enough for a needle or a knife at the spine."""

from __future__ import annotations

import msgspec

from cards.facts.diagnosis import CONFIRMED
from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import UNREADABLE, Missing
from fhir_mappings.labs import Lab


class Bleeding(msgspec.Struct, frozen=True):
    """``inr`` and ``platelets`` where they are beyond their limit; ``disorder``: a coded bleeding disorder.

    ``missing``: the tests that are not on record, too old, or known only within a range that straddles the limit.
    """

    inr: Lab | None
    platelets: Lab | None
    disorder: Problem | None
    missing: tuple[Missing, ...] = ()


@derived
def bleeding(chart: Chart, situation: Situation) -> Bleeding:
    """The newest INR and platelet count young enough to count, and any bleeding disorder on the problem list."""
    table = situation.table("bleeding")
    max_age = situation.setting("lab_max_age_days")
    inr = chart.latest(Lab, "inr", within_days=max_age)
    platelets = chart.latest(Lab, "platelets", within_days=max_age)
    high = inr.value.above(table.number("inr")) if inr else False
    low = platelets.value.below(table.number("platelets")) if platelets else False
    straddling = [Missing(lab.name, UNREADABLE) for lab, answer in ((inr, high), (platelets, low)) if answer is None]
    disorders = [
        problem
        for problem in chart.all(Problem, "coagulation-disorder")
        if problem.present and problem.certainty == CONFIRMED
    ]
    return Bleeding(
        inr=inr if inr and high else None,
        platelets=platelets if platelets and low else None,
        disorder=disorders[-1] if disorders else None,
        missing=(*(lab for lab in (inr, platelets) if isinstance(lab, Missing)), *straddling),
    )
