"""A single bone metastasis of lung cancer: which local treatment, and after which staging?"""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis, primary_sites
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion

SURGEON_FIRST = ("mirels", "sins", "escc", "long-bone-surgery", "spine-emergency")


@advisory(hooks=[PATIENT_VIEW], reads=[Problem, Assessment, Lesion], asks=SURGEON_FIRST)
def solitary(chart: Chart, situation: Situation, table: Table) -> Advices:
    lung = primary_sites(chart).get("lung")
    counted = _counted(chart)
    if lung is None or not counted or len(chart.all(Lesion)) > 1:
        return
    at_risk = any(advice.indicator != "info" for name in SURGEON_FIRST for advice in situation.said(name))
    yield table.advise("at-risk" if at_risk else "solitary", used=[diagnosis(chart).problem, lung, *counted])


def _counted(chart: Chart) -> list[Assessment]:
    """What says that the metastasis is the only one: the recorded extent, else both counts adding up to one."""
    extent = chart.latest(Assessment, "bone-metastases-extent")
    if extent:
        return [extent] if extent.value == "solitary" else []
    outside = chart.latest(Assessment, "extraspinal-bone-metastases")
    vertebral = chart.latest(Assessment, "vertebral-metastases")
    if not outside or not vertebral or not (outside.number.exact and vertebral.number.exact):
        return []
    return [outside, vertebral] if outside.number.value + vertebral.number.value == 1 else []
