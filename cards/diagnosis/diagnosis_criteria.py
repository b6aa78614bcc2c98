"""A bone metastasis is coded as confirmed: does the record hold the image or the tissue it rests on?"""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.imaging import CONFIRMING, NEGATIVE, fully_read, positive_scans, seen_on_imaging
from cards.facts.pathology import BIOPSY, histology
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Imaging, Marker
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord


@advisory(
    hooks=[PATIENT_VIEW],
    reads=[Problem, Imaging, Lesion, ProcedureRecord, Marker],
    asks=["bone-scan-confirm"],
)
def diagnosis_criteria(chart: Chart, situation: Situation, table: Table) -> Advices:
    if not diagnosis(chart).confirmed or seen_on_imaging(chart) or situation.said("bone-scan-confirm"):
        return
    if not fully_read(chart) or not chart.lacks(ProcedureRecord, BIOPSY):
        return
    scans, negative = positive_scans(chart), _negative(chart)
    tissue = histology(chart)
    notes = (["scan_only"] if scans else []) + (["negative"] if negative else []) + (["histology"] if tissue else [])
    yield table.advise(
        "unproven",
        used=[diagnosis(chart).problem, *scans, *negative, tissue],
        missing=[Missing("confirming-imaging")] + ([] if tissue else [Missing("histology")]),
        notes=notes,
    )


def _negative(chart: Chart) -> list[Imaging]:
    return [image for image in chart.any(Imaging, *CONFIRMING) if image.value in NEGATIVE]
