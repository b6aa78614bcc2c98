"""What the prognostic scores of spinal metastases share: when they are asked for, the primary, the other organs."""

from __future__ import annotations

from collections.abc import Mapping

from cards.advisory import PATIENT_VIEW
from cards.facts.diagnosis import CONFIRMED, primary_sites
from cards.facts.spine import AUGMENTATION, EN_BLOC, SURGERY, planned_spine_procedures, spine_disease
from cards.score import Score
from cards.situation import Situation
from fhir_mappings.assessments import Assessment, Marker
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

BREAST, UNKNOWN = "breast", "unknown"
ORGANS = ("mets-liver", "mets-lung", "mets-brain", "mets-adrenal", "mets-kidney")
VISCERAL = "visceral-metastases"


def considered(chart: Chart, situation: Situation) -> bool:
    """An operation of the spine is being signed, or is planned for a diseased spine (ruling 9)."""
    if situation.hook == PATIENT_VIEW:
        return bool(spine_disease(chart) and planned_spine_procedures(chart))
    return bool(situation.drafted(ProcedureRecord, *SURGERY, *AUGMENTATION))


def en_bloc(chart: Chart, situation: Situation) -> bool:
    """An en bloc spondylectomy is drafted or planned."""
    planned = [record for record in chart.any(ProcedureRecord, *EN_BLOC) if record.state == "planned"]
    return bool(planned or situation.drafted(ProcedureRecord, *EN_BLOC))


@derived
def primaries(chart: Chart) -> dict[str, Problem]:
    """The primary sites on record, osteosarcoma among them; "unknown" only where no other is named."""
    found = dict(primary_sites(chart))
    for problem in chart.all(Problem, "primary-osteosarcoma"):
        if problem.certainty == CONFIRMED:
            found["osteosarcoma"] = problem
    return found if len(found) == 1 else {site: problem for site, problem in found.items() if site != UNKNOWN}


def classes(
    chart: Chart, groups: Mapping[str, list[str]], *, other: str | None = None, breast: str | None = None
) -> set[str] | Missing:
    """The groups of a table the primaries fall in; a site in none falls in ``other``, breast in ``breast`` if given.

    Missing when no primary is named, or one falls in no group: a clinician has to say.
    """
    of_site = {site: name for name, sites in groups.items() for site in sites}
    if breast is not None:
        of_site[BREAST] = breast
    found = {of_site.get(site, other) for site in primaries(chart)}
    named = {name for name in found if name is not None}
    return named if found and named == found else Missing("primary-site")


@derived
def receptor(chart: Chart, situation: Situation) -> Marker | Missing | None:
    """The oestrogen receptor of a breast cancer, which may modify its points; None where it does not matter."""
    if BREAST not in primaries(chart) or not situation.table("prognosis").choice("breast_modifier"):
        return None
    return chart.latest(Marker, "er")


def receptor_negative(chart: Chart, situation: Situation) -> bool:
    """A breast cancer without oestrogen receptors, as triple-negative disease is, counts as less favourable."""
    found = receptor(chart, situation)
    return isinstance(found, Marker) and found.value == "negative"


def receptor_notes(chart: Chart, situation: Situation) -> list[str]:
    """What to say about the receptors of a breast cancer."""
    found = receptor(chart, situation)
    if found is None or (isinstance(found, Marker) and found.value == "positive"):
        return []
    return ["receptor_negative" if receptor_negative(chart, situation) else "receptors_unknown"]


def visceral(chart: Chart) -> tuple[str | set[str] | Missing, list[Finding]]:
    """Metastases of other organs: none, treatable or untreatable, and what says so.

    A coded metastasis of an organ leaves open only whether it is treatable, and outweighs a recorded "none".
    """
    item = chart.latest(Assessment, VISCERAL)
    coded = [problem for problem in chart.any(Problem, *ORGANS) if problem.present and problem.certainty == CONFIRMED]
    if coded and (isinstance(item, Missing) or item.value == "none"):
        return {"treatable", "untreatable"}, [*([] if isinstance(item, Missing) else [item]), coded[-1]]
    return (item, []) if isinstance(item, Missing) else (str(item.value), [item])


def recorded_total(chart: Chart, name: str, score: Score) -> tuple[Range, Item] | None:
    """The latest recorded total, where items are missing and the known ones could add up to it."""
    totals = [(total, lesion.items[name]) for lesion in chart.all(Lesion) if (total := lesion.number(name)) is not None]
    if score.complete or not totals:
        return None
    total, item = max(totals, key=lambda pair: pair[1].order)
    return (total, item) if total.exact and score.low <= total.value <= score.high else None
