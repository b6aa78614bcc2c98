"""A positive bone scan soon after a new therapy: flare may look like progression."""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.imaging import POSITIVE
from cards.facts.regimen import SYSTEMIC, days_between, regimen
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import DATE_NOT_PRECISE, Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.when import When

SCAN = "bone-scan"
PROGRESSION = ("new-lytic", "soft-tissue-growth")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Imaging, Problem, DrugRecord])
def flare(chart: Chart, situation: Situation, table: Table) -> Advices:
    if situation.signing and not situation.drafted(DrugRecord, SYSTEMIC):
        return
    current = regimen(chart, situation)
    scan = chart.latest(Imaging, SCAN, within_days=table.days("recent"))
    if not diagnosis(chart).confirmed or current is None or not scan or scan.evidence.when is None:
        return
    before = [one for one in chart.all(Imaging, SCAN) if _earlier(one, scan.evidence.when)]
    if scan.value not in POSITIVE or not before or _otherwise_progressing(chart, current.start):
        return
    days = days_between(current.start, scan.evidence.when)
    inside = days.at_least(0) is True and days.at_most(table.number("window")) is True
    if inside:
        yield table.advise("possible", used=[current.first, before[-1], scan], days=days)
    elif days.above(table.number("window")) is None:
        chart.unknown[SCAN] = Missing(SCAN, DATE_NOT_PRECISE)


def _earlier(one: Imaging, when: When) -> bool:
    """Surely made before: without an earlier scan nothing has increased."""
    return one.evidence.when is not None and one.evidence.when.last < when.first


def _otherwise_progressing(chart: Chart, start: When) -> bool:
    """A new lytic lesion or growing soft tissue since the therapy began is not explained by flare."""
    return any(
        one.value in PROGRESSION and one.evidence.when is not None and one.evidence.when.last >= start.first
        for one in chart.all(Imaging, "bone-response")
    )
