"""Tissue: was bone biopsied, and does the record hold any histology of the cancer?"""

from __future__ import annotations

from fhir_mappings.assessments import Marker
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.procedures import ProcedureRecord

BIOPSY = "proc-bone-biopsy"
FROM_TISSUE = ("histology", "er", "pr", "her2")


@derived
def biopsied(chart: Chart) -> ProcedureRecord | None:
    """The latest bone biopsy that was done; its result is not read."""
    done = [record for record in chart.all(ProcedureRecord, BIOPSY) if record.state in ("done", "fulfilled")]
    return done[-1] if done else None


@derived
def histology(chart: Chart) -> Finding | None:
    """What says that tissue of the cancer was examined: a biopsy, a histology, a receptor, a coded type."""
    tested = chart.any(Marker, *FROM_TISSUE)
    typed = [problem for problem in chart.all(Problem) if problem.histology]
    return biopsied(chart) or next(iter([*tested[-1:], *typed[-1:]]), None)
