"""What is being ordered: the drafted doses of bone-modifying agents, which drug each is, and what it is for."""

from __future__ import annotations

from cards.facts.diagnosis import MYELOMA, diagnosis
from cards.facts.exposure import (
    BISPHOSPHONATE,
    BISPHOSPHONATES,
    BONE_MODIFYING,
    DENOSUMAB,
    OSTEOPOROSIS,
    OSTEOPOROSIS_TABLETS,
    product,
)
from cards.situation import Situation
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.medications import DrugRecord

ZOLEDRONIC, ZOLEDRONIC_5 = "med-zoledronic-acid", "med-zoledronic-acid-5"
INFUSED = ("med-zoledronic-acid", "med-pamidronate", "med-ibandronate", "med-incadronate")


def drafted_doses(situation: Situation, *drugs: str) -> list[DrugRecord]:
    """The new doses being ordered (of any bone-modifying agent when no drug is named); a drafted stop is none."""
    drafts = situation.drafted(DrugRecord, *(drugs or BONE_MODIFYING))
    return [draft for draft in drafts if draft.status == "draft" and draft.route != "topical"]


def agent(record: DrugRecord) -> str:
    """The one drug a record is of; the class where no drug of it is named."""
    return next((drug for drug in (DENOSUMAB, *BISPHOSPHONATES) if drug in record.concepts), BISPHOSPHONATE)


def for_hypercalcaemia(draft: DrugRecord) -> bool:
    """The order says that it is for hypercalcaemia."""
    return "hypercalcaemia" in draft.reasons


def for_osteoporosis(draft: DrugRecord, chart: Chart, situation: Situation) -> bool:
    """The order says so, or it is an osteoporosis product and no bone metastasis explains it."""
    if "osteoporosis" in draft.reasons:
        return True
    if diagnosis(chart).problem is not None and diagnosis(chart).status in ("confirmed", "suspected"):
        return False
    drug = agent(draft)
    if drug == DENOSUMAB:
        return product(chart, situation, [draft]) == OSTEOPOROSIS
    yearly = situation.table("ordered").number("osteoporosis_zoledronic_mg")
    if drug == ZOLEDRONIC and (ZOLEDRONIC_5 in draft.concepts or draft.dose_mg == yearly):
        return True
    return drug in OSTEOPOROSIS_TABLETS or present(chart, "osteoporosis")


def bone_disease(chart: Chart) -> bool:
    """A confirmed bone metastasis, or myeloma or lymphoma of bone: what long treatment is for."""
    return diagnosis(chart).confirmed or present(chart, *MYELOMA)


def present(chart: Chart, *concepts: str) -> bool:
    """A confirmed, present problem of one of these concepts is on record."""
    return any(problem.present and problem.certainty == "confirmed" for problem in chart.any(Problem, *concepts))


def calcium_is_high(situation: Situation) -> bool:
    """Hypercalcaemia that would be treated with these drugs: moderate or worse (the caller asks ``hypercalcemia``)."""
    return any(advice.name in ("moderate", "severe", "crisis") for advice in situation.said("hypercalcemia"))
