"""A response is being judged against an image made long before the therapy began."""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.imaging import MODALITIES
from cards.facts.regimen import SYSTEMIC, days_between, latest_after, regimen
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.when import When

RESPONSE = "bone-response"


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Imaging, Problem, DrugRecord])
def response_window(chart: Chart, situation: Situation, table: Table) -> Advices:
    if situation.signing and not situation.drafted(DrugRecord, SYSTEMIC):
        return
    current = regimen(chart, situation)
    if not diagnosis(chart).confirmed or current is None:
        return
    judged = latest_after(chart.any(Imaging, RESPONSE, *MODALITIES), current.start)
    baseline = _baseline(chart, current.start)
    if judged is None or baseline is None or baseline.evidence.when is None or not _recent(judged, chart, table):
        return
    gap = days_between(baseline.evidence.when, current.start)
    too_old = gap.above(table.number("before_start"))
    if too_old and chart.gap(Imaging) is None:
        yield table.advise(
            "early-baseline",
            used=[baseline, current.first, judged],
            modality=table.word[baseline.modality],
            days=gap,
        )
    elif too_old is None:
        chart.unknown[baseline.modality] = Missing(baseline.modality, DATE_NOT_PRECISE)


def _baseline(chart: Chart, start: When) -> Imaging | None:
    """The latest image of bone that surely does not lie after the start of therapy (ruling 26)."""
    images = chart.any(Imaging, *MODALITIES)
    before = [image for image in images if image.evidence.when and image.evidence.when.last <= start.first]
    return before[-1] if before else None


def _recent(judged: Imaging, chart: Chart, table: Table) -> bool:
    when = judged.evidence.when
    return when is not None and when.days_before(chart.as_of).at_most(table.number("recent")) is True
