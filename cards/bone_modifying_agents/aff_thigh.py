"""Thigh or groin pain on a bone-modifying agent: could it be an atypical fracture of the femur?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import ACTIVE, bone_modifying
from cards.facts.ordered import agent, drafted_doses
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Assessment, DrugRecord, Lesion])
def aff_thigh(chart: Chart, situation: Situation, table: Table) -> Advices:
    taken = [course for course in bone_modifying(chart, situation) if course.status == ACTIVE]
    drafts = drafted_doses(situation)
    if not drafts and not (situation.hook == PATIENT_VIEW and taken):
        return
    pain = chart.latest(Assessment, "thigh-or-groin-pain", within_days=table.days("recent"))
    if not pain or pain.value is not True:
        return
    name, record = (agent(drafts[0]), drafts[0]) if drafts else (taken[0].drug, taken[0].last)
    lesions = [lesion for lesion in chart.all(Lesion) if lesion.site.inside("femur")]
    notes = ["lesion"] if lesions else []
    yield table.advise("pain", used=[pain, record], notes=notes, about=name, drug=drug(name))
