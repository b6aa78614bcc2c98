"""ESCC (Bilsky): how far does the tumour press on the spinal cord?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.radiosensitivity import SENSITIVE, radiosensitivity
from cards.facts.spine import RADIOTHERAPY, SURGERY, drafted_for, emergency_stands_for, spine_lesions, treated_after
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord

GRADE = "escc-grade"
BANDS = {
    "0": "bone-only",
    "1a": "low-grade",
    "1b": "low-grade",
    "1c": "cord-touched",
    "2": "high-grade",
    "3": "highest-grade",
}
TO_EXAMINE = ("cord-touched", "high-grade", "highest-grade")
DEFICITS = ("new-neurological-deficit", "frankel-grade")


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Lesion, Assessment, Problem, ProcedureRecord], asks=["spine-emergency"]
)
def escc(chart: Chart, situation: Situation, table: Table) -> Advices:
    for lesion in spine_lesions(chart):
        grade = lesion.items.get(GRADE)
        concerned = not situation.ordering or drafted_for(lesion, situation, *RADIOTHERAPY, *SURGERY)
        if grade is not None and concerned and not emergency_stands_for(lesion, situation):
            yield from _about(lesion, grade, chart, situation, table)


def _about(lesion: Lesion, grade: Item, chart: Chart, situation: Situation, table: Table) -> Advices:
    """What the grade of one level has to say; one from before the level was treated only asks for a new one."""
    band = BANDS[str(grade.value)]
    used: list[Finding] = [grade]
    notes: list[str] = []
    missing: list[Missing] = []
    if done := treated_after(chart, grade.evidence.when, lesion):
        if band not in TO_EXAMINE:
            return
        band, used = "graded-before-treatment", [grade, done]
    elif band in TO_EXAMINE:
        found = [chart.latest(Assessment, item) for item in DEFICITS]
        used += [finding for finding in found if isinstance(finding, Finding)]
        missing = [finding for finding in found if isinstance(finding, Missing)]
        notes += _notes(band, lesion, chart, situation, table)
    yield table.advise(
        band,
        used=used,
        missing=missing,
        notes=notes,
        about=lesion.key,
        weight=list(BANDS).index(str(grade.value)),
        grade=str(grade.value),
        level=lesion_place(lesion),
    )


def _notes(band: str, lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> list[str]:
    notes = []
    if band != "cord-touched" and radiosensitivity(chart, situation).answer == SENSITIVE:
        notes.append("radiosensitive")
    if lesion.site.level in table.choice("cauda_equina"):
        notes.append("cauda_equina")
    return notes
