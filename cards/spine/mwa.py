"""Microwave ablation of a spine metastasis is drafted: is ablation alone enough, and is the patient fit for it?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.ablation import clotting, diagnoses, for_bone, of_spine
from cards.facts.local_treatment import AHEAD, records
from cards.facts.objections import Objection, drafted, object_to, target_lesions, unknown_items
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

TYPE = "tomita-type"
WITH_IT = ("proc-vertebroplasty", "proc-kyphoplasty", "proc-spine-surgery", "proc-spine-fixation")


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion, Problem, Lab])
def mwa(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-microwave-ablation")
    if not drafts or not for_bone(chart, drafts):
        return
    found = [*_alone(chart, situation, drafts, table), *clotting(chart, situation)]
    found += diagnoses(chart, heart_or_brain="heart-or-brain-vessel-disease", lung="lung-dysfunction")
    objections = [each for each in found if isinstance(each, Objection)]
    missing = [each for each in found if isinstance(each, Missing)]
    yield from object_to(drafts, objections, missing, table)


def _alone(
    chart: Chart, situation: Situation, drafts: list[ProcedureRecord], table: Table
) -> Iterator[Objection | Missing]:
    """Ablation that no surgery or cement goes with: enough only for some types of lesion of the spine."""
    combined = any(record.state in AHEAD for record in records(chart, situation, *WITH_IT))
    if combined or not of_spine(chart, drafts):
        return
    lesions = target_lesions(chart, drafts)
    yield from unknown_items(chart, lesions, TYPE)
    for lesion in lesions:
        kind = lesion.text(TYPE)
        if kind is not None and kind not in table.choice("alone"):
            yield Objection("type", "caution", (lesion.items[TYPE],), {"level": lesion_place(lesion), "type": kind})
