"""Imaging ordered for a question about bone metastasis: is it the test that answers it?"""

from __future__ import annotations

from cards.advisory import ORDER_SELECT, Advices, advisory
from cards.facts.diagnosis import primary_sites
from cards.facts.imaging import QUESTIONS
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

MODALITY_OF = {
    "imaging-x-ray": "x-ray",
    "imaging-ct": "ct",
    "imaging-mri": "mri",
    "imaging-bone-scan": "bone-scan",
    "imaging-pet-ct": "pet-ct",
}
CONFIRM_SITE, EARLY, EARLY_BLASTIC = "confirm-site", "early", "early-blastic"


@advisory(hooks=[ORDER_SELECT], reads=[ProcedureRecord, Problem, Lesion])
def imaging_choice(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = [draft for draft in situation.drafted(ProcedureRecord) if _modalities(draft)]
    for question in sorted({reason for draft in drafts for reason in draft.reasons & QUESTIONS}):
        asked = [draft for draft in drafts if question in draft.reasons]
        yield from _about(question, asked, chart, table)


def _about(question: str, drafts: list[ProcedureRecord], chart: Chart, table: Table) -> Advices:
    """Nothing when the orders for a question hold one of the sets of tests that answer it."""
    blastic = _blastic(chart) if question == EARLY else []
    asked = EARLY_BLASTIC if blastic else question
    ordered = {modality for draft in drafts for modality in _modalities(draft)}
    accepted = [set(tests) for tests in table.choice(asked)]
    if question == CONFIRM_SITE and table.choice("mri_confirm") == "sufficient":
        accepted.append({"mri"})
    if any(tests <= ordered for tests in accepted):
        return
    yield table.advise(
        "urgent" if asked in table.choice("urgent") else "other",
        used=[*drafts, *blastic],
        notes=[asked],
        about=question,
        question=table.word[asked],
        favoured=table.word[f"for-{asked}"],
        ordered=listed(table.word[modality] for modality in MODALITY_OF.values() if modality in ordered),
    )


def _modalities(draft: ProcedureRecord) -> set[str]:
    return {modality for concept, modality in MODALITY_OF.items() if concept in draft.concepts}


def _blastic(chart: Chart) -> list[Finding]:
    """What makes blastic disease likely: a blastic lesion, or prostate cancer."""
    lesions = [lesion for lesion in chart.all(Lesion) if lesion.text("lesion-matrix") == "blastic"]
    prostate = primary_sites(chart).get("prostate")
    return [*(lesion.items["lesion-matrix"] for lesion in lesions), *([prostate] if prostate else [])]
