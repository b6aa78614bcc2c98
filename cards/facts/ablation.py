"""A drafted ablation: whether it is one of the spine, and what in the patient speaks against any ablation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cards.facts.bleeding import bleeding
from cards.facts.diagnosis import BONE_METASTASIS, CONFIRMED
from cards.facts.objections import SPINE, Objection, target_lesions
from cards.situation import Situation
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.procedures import ProcedureRecord


def of_spine(chart: Chart, drafts: Sequence[ProcedureRecord]) -> bool:
    """The spine is its place, or may be: a spine lesion is on record and no other bone is named.

    Ablation is done in liver and heart too. Without a place, an order counts here only when a spine lesion is on
    record, its reason is a bone metastasis, or its code is one of ours, which are about bone.
    """
    places = [site for draft in drafts for site in draft.sites]
    if places:
        return any(site.region == SPINE for site in places)
    return (
        bool(target_lesions(chart, drafts)) or bool(_spine_diagnosis(chart)) or any(_of_bone(each) for each in drafts)
    )


def for_bone(chart: Chart, drafts: Sequence[ProcedureRecord]) -> bool:
    """The spine or another bone is meant, as far as can be told."""
    return any(draft.sites for draft in drafts) or of_spine(chart, drafts)


def clotting(chart: Chart, situation: Situation) -> Iterator[Objection]:
    """A severe disorder of clotting, by the laboratory or by diagnosis."""
    found, limits = bleeding(chart, situation), situation.table("bleeding")
    for name, lab in (("inr", found.inr), ("platelets", found.platelets)):
        if lab is not None:
            yield Objection(name, "caution", (lab,), {"value": lab.value, "limit": limits.number(name)})
    if found.disorder is not None:
        yield Objection("bleeding_disorder", "caution", (found.disorder,))


def diagnoses(chart: Chart, **objections: str) -> Iterator[Objection]:
    """An objection for each named concept that is a present problem: ``infection="infection-spine-or-blood"``."""
    for name, concept in objections.items():
        present = [each for each in chart.all(Problem, concept) if each.present and each.certainty == CONFIRMED]
        if present:
            yield Objection(name, "caution", (present[-1],))


def _of_bone(draft: ProcedureRecord) -> bool:
    ours = {"radiofrequency-ablation", "microwave-ablation"} & draft.concepts
    return bool(ours) or bool(draft.reasons & set(BONE_METASTASIS))


def _spine_diagnosis(chart: Chart) -> list[Problem]:
    return [
        each for each in chart.all(Problem, "bone-metastasis-spine") if each.present and each.certainty == CONFIRMED
    ]
