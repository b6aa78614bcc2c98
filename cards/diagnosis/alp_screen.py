"""A clearly raised ALP, or a raised CTX, in a person with cancer whose bones were not imaged lately."""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import cancer, diagnosis
from cards.facts.imaging import imaged_lately
from cards.facts.turnover import raised_alp, raised_ctx, times_upper_limit
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.labs import Lab
from fhir_mappings.procedures import ProcedureRecord

LIVER = ("mets-liver", "primary-liver")
BONE_FRACTIONS = ("alp-bone-specific", "alp-bone-specific-activity")


@advisory(hooks=[PATIENT_VIEW], reads=[Problem, Lab, Imaging, ProcedureRecord], asks=["suspect-trigger"])
def alp_screen(chart: Chart, situation: Situation, table: Table) -> Advices:
    alp, ctx = raised_alp(chart, situation), raised_ctx(chart, situation)
    if diagnosis(chart).confirmed or not (alp or ctx) or situation.said("suspect-trigger"):
        return
    if imaged_lately(chart, situation) is not False:
        return
    fractions = _raised_bone_fraction(chart)
    lab = alp or ctx
    assert lab is not None
    yield table.advise(
        "alp" if alp else "ctx",
        used=[alp, ctx, *fractions, cancer(chart)],
        notes=_notes(alp, ctx, fractions, chart),
        value=lab.value.rounded(table.days("places")),
        times=times_upper_limit(lab) or "",
    )


def _raised_bone_fraction(chart: Chart) -> list[Lab]:
    """A bone-specific ALP above its own limit."""
    found = [chart.latest(Lab, name) for name in BONE_FRACTIONS]
    return [lab for lab in found if isinstance(lab, Lab) and lab.high is not None and lab.value.above(lab.high.hi)]


def _notes(alp: Lab | None, ctx: Lab | None, fractions: list[Lab], chart: Chart) -> list[str]:
    if not alp:
        return []
    notes = ["ctx"] if ctx else []
    if fractions:
        return [*notes, "bone_fraction"]
    liver = any(problem.present and problem.certainty == "confirmed" for problem in chart.any(Problem, *LIVER))
    return [*notes, "liver" if liver else "source"]
