"""Lung cancer with an STK11 mutation and bone metastasis: a remark for the tumour board."""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis, primary_sites
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Marker
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem

REMARKS = ("keap1", "egfr")


@advisory(hooks=[PATIENT_VIEW], reads=[Marker, Problem])
def stk11(chart: Chart, situation: Situation, table: Table) -> Advices:
    lung = primary_sites(chart).get("lung")
    if lung is None or not diagnosis(chart).confirmed:
        return
    mutated = {gene: _mutated(gene, chart) for gene in ("stk11", *REMARKS)}
    if mutated["stk11"]:
        yield table.advise(
            "mutated",
            used=[*mutated.values(), lung, diagnosis(chart).problem],
            notes=[gene for gene in REMARKS if mutated[gene]],
        )


def _mutated(gene: str, chart: Chart) -> Marker | None:
    latest = chart.latest(Marker, gene)
    return latest if latest and latest.value == "mutated" else None
