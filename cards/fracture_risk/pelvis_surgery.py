"""A metastasis of the pelvis or acetabulum: is there a reason for an orthopaedic oncology opinion?"""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.long_bones import fracture_of, fractures
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, listed
from cards.words import lesion_place, place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

ACETABULUM, OTHER = "pelvis-acetabulum", "pelvis-other"
OPPOSITE = {"left": "right", "right": "left"}
READ = ("lesion-region", "lesion-pain", "pain-after-radiotherapy")


@advisory(hooks=[PATIENT_VIEW], reads=[Lesion, Problem, ProcedureRecord], asks=["mirels", "long-bone-surgery"])
def pelvis_surgery(chart: Chart, situation: Situation, table: Table) -> Advices:
    for lesion in chart.all(Lesion):
        if in_pelvis(lesion.site):
            yield from _about(lesion, chart, situation, table)
    for fracture in fractures(chart):
        described = fracture.lesion is not None and fracture.lesion.site.region == ACETABULUM
        if fracture.site.region == ACETABULUM and not described:
            yield table.advise(
                "acetabulum",
                used=[fracture.finding],
                about=fracture.about,
                bone=place(fracture.site),
                criterion=table.word["fracture"],
            )


def in_pelvis(site: Site) -> bool:
    """Acetabulum, ilium, ischium, pubis, or the pelvis without a part; the sacrum belongs to the spine."""
    return site.region in (ACETABULUM, OTHER) or (site.region is None and site.inside("pelvis"))


def _about(lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> Advices:
    reasons, found = _reasons(lesion, chart, situation, table)
    if not reasons:
        return
    yield table.advise(
        "acetabulum" if lesion.site.region == ACETABULUM else "pelvis",
        used=[*(lesion.items[item] for item in READ if item in lesion.items), *found],
        about=lesion.key,
        bone=lesion_place(lesion),
        criterion=listed(reasons),
    )


def _reasons(lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> tuple[list[Text], list[Finding]]:
    """Why an opinion is worth having, and what on record says so."""
    reasons, found = [], []
    if lesion.site.region == ACETABULUM:
        if fracture := fracture_of(chart, lesion):
            reasons.append(table.word["fracture"])
            found.append(fracture.finding)
        elif lesion.text("lesion-pain") == "functional":
            reasons.append(table.word["loading"])
    if lesion.yes("pain-after-radiotherapy"):
        reasons.append(table.word["refractory"])
    if other := _other_leg(lesion, chart, situation):
        reasons.append(table.word["other_leg"])
        found += other
    return reasons, found


def _other_leg(lesion: Lesion, chart: Chart, situation: Situation) -> list[Finding]:
    """What says that the opposite leg may need fixation, so that this side will have to carry the weight."""
    side = OPPOSITE.get(lesion.site.side or "")
    legs = {each.key for each in chart.all(Lesion) if each.site.side == side and each.site.inside("lower-limb")}
    urgent = [*situation.said("mirels"), *situation.said("long-bone-surgery")]
    return [
        finding
        for advice in urgent
        if side and advice.about in legs and advice.indicator != "info"
        for finding in advice.used[:1]
    ]
