"""A confirmed bone metastasis and no bone-modifying agent: has one been considered?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.calcium import Calcium, calcium
from cards.facts.diagnosis import diagnosis, primary_sites
from cards.facts.exposure import ACTIVE, BONE_MODIFYING, bone_modifying, last_bone_modifying
from cards.facts.imaging import disproved
from cards.facts.ordered import present
from cards.facts.radiotherapy import RADIOTHERAPY, of_bone
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

HORMONE_SENSITIVE, HORMONE_RESISTANT = "hormone-sensitive-malignancy", "hormone-resistant-malignancy"


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SIGN],
    reads=[Problem, DrugRecord, Lab, Assessment, Imaging, Lesion, ProcedureRecord],
    asks=["diagnosis-criteria"],
)
def bma_start(chart: Chart, situation: Situation, table: Table) -> Advices:
    radiotherapy = _radiotherapy_of_bone(chart, situation)
    occasion = bool(radiotherapy) or bool(situation.drafted(DrugRecord, "med-systemic-therapy"))
    if situation.signing and not occasion:
        return
    if _treated(chart, situation, table) or not chart.lacks(
        DrugRecord, *BONE_MODIFYING, within_days=table.days("recent")
    ):
        return
    if situation.drafted(DrugRecord, *BONE_MODIFYING) or _not_for(chart, table) or disproved(chart):
        return
    last = last_bone_modifying(chart, situation)
    notes = ["last"] if last else []
    if "prostate" in primary_sites(chart) and not present(chart, HORMONE_RESISTANT):
        notes.append("prostate")
    if situation.said("diagnosis-criteria"):
        notes.append("unproven")
    notes += ["radiotherapy"] if radiotherapy else []
    level = calcium(chart, situation)
    low = level.used if isinstance(level, Calcium) and _low(level, table) else ()
    yield table.advise(
        "calcium-first" if low else "consider",
        used=[diagnosis(chart).problem, last.last if last else None, *low, *radiotherapy[-1:]],
        notes=notes,
        drug=drug(last.drug) if last else "",
        date=last.last.evidence.when if last and last.last and last.last.evidence.when else "",
        days=last.days if last and last.days else "",
    )


def _radiotherapy_of_bone(chart: Chart, situation: Situation) -> list[ProcedureRecord]:
    """Radiotherapy of bone that is being ordered or is planned: a reason to think of the agent, never one against."""
    plans = [plan for plan in chart.all(ProcedureRecord, RADIOTHERAPY) if plan.state == "planned"]
    drafts = [draft for draft in situation.drafted(ProcedureRecord, RADIOTHERAPY) if draft.state == "draft"]
    return [record for record in (drafts if situation.signing else plans) if of_bone(record)]


def _treated(chart: Chart, situation: Situation, table: Table) -> bool:
    """An agent is active, or was stopped for a written reason."""
    return any(
        course.status == ACTIVE or any(record.status_reason for record in course.records if record.status == "stopped")
        for course in bone_modifying(chart, situation)
    )


def _not_for(chart: Chart, table: Table) -> bool:
    """Jaw osteonecrosis, pregnancy, short expected survival, hormone-sensitive prostate cancer."""
    survival = chart.latest(Assessment, "life-expectancy")
    if survival and survival.number.below(table.number("survival")):
        return True
    pregnant = chart.latest(Assessment, "pregnant")
    if pregnant and pregnant.value is True:
        return True
    if table.choice("hspc") == "off" and "prostate" in primary_sites(chart) and present(chart, HORMONE_SENSITIVE):
        return True
    return present(chart, "onj", "pregnancy")


def _low(level: Calcium, table: Table) -> bool:
    limit = level.measured.low.lo if level.measured.low is not None else table.number("low_calcium")
    return level.value.below(limit) is True
