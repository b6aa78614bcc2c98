"""An operation is being signed: does anything on record speak against it, or for it?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.diagnosis import primary_sites
from cards.facts.long_bones import fracture_of, fractures, same_bone, weight_bearing
from cards.facts.red_flags import PAST, signs
from cards.facts.spine import in_spine
from cards.facts.surgery import LONG_BONE, SPINE, drafted_surgery
from cards.fracture_risk.long_bone_surgery import mirels_bands
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined, listed
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

ORGANS = ("mets-liver", "mets-lung", "mets-brain", "mets-adrenal", "mets-kidney")
SURVIVAL = "life-expectancy"
NOT_WEIGHT_BEARING = ("fibula", "rib", "sternum", "clavicle")
SELDOM = ("ilium", "pubis", "scapula")
LIMBS = ("upper-limb", "lower-limb", "peritrochanteric")
MAIN_LONG_BONES = ("femur", "tibia", "humerus")

Reasons = list[tuple[Text, list[Finding]]]


@advisory(
    hooks=[ORDER_SIGN],
    reads=[ProcedureRecord, Lesion, Assessment, Problem],
    asks=["mirels", "long-bone-surgery"],
)
def surgery_contraindication(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE, LONG_BONE)
    if surgery is None:
        return
    lesions = _operated_on(surgery, chart)
    pressing = _pressing(surgery, lesions, chart, situation, table)
    against = _poor_condition(chart, table)
    if not pressing:
        against += [*_prognosis(chart, table), *_lesion(surgery, lesions, situation, table)]
    survival = next(
        (
            finding
            for _, found in against
            for finding in found
            if isinstance(finding, Assessment) and finding.item == SURVIVAL
        ),
        None,
    )
    if against:
        speaks_for = [*pressing, *_triggers(lesions, chart, table)]
        yield table.advise(
            "listed",
            used=_once([surgery, *(finding for _, found in [*against, *speaks_for] for finding in found)]),
            lines=[
                table.line("against", reasons=joined(text for text, _ in against)),
                *([table.line("for", reasons=joined(text for text, _ in speaks_for))] if speaks_for else []),
            ],
            notes=["survival"] if survival else [],
            months=survival.number if survival else "",
            kind=table.word["spine" if SPINE in surgery.concepts else "long_bone"],
            items=listed(text for text, _ in against),
        )


def _operated_on(surgery: ProcedureRecord, chart: Chart) -> list[Lesion]:
    """The lesions the operation may be for: of the ordered place, else every one of that kind of bone."""
    if surgery.sites:
        return [lesion for lesion in chart.all(Lesion) if any(_covers(site, lesion.site) for site in surgery.sites)]
    fits = in_spine if SPINE in surgery.concepts else _in_limb
    return [lesion for lesion in chart.all(Lesion) if fits(lesion.site)]


def _in_limb(site: Site) -> bool:
    return site.region in LIMBS or weight_bearing(site)


def _covers(ordered: Site, lesion: Site) -> bool:
    return same_bone(ordered, lesion) or (in_spine(ordered) and in_spine(lesion) and ordered.level is None)


def _pressing(
    surgery: ProcedureRecord, lesions: list[Lesion], chart: Chart, situation: Situation, table: Table
) -> Reasons:
    """What outweighs the list: a nerve deficit for the spine, a fracture or Mirels 8 and more for the bone itself."""
    found: Reasons = []
    if SPINE in surgery.concepts:
        flags = [sign.finding for sign in signs(chart, situation) if sign.state != PAST]
        found += [(table.word["deficit"], flags)] if flags else []
    broken = [fracture for fracture in fractures(chart) if _concerns(surgery, fracture.site)]
    found += [(table.word["fracture"], [fracture.finding for fracture in broken])] if broken else []
    for lesion in lesions:
        bands = mirels_bands(lesion, situation)
        if not in_spine(lesion.site) and not fracture_of(chart, lesion) and bands and bands <= {"borderline", "high"}:
            found.append((table.word["mirels"], _items(lesion, "lesion-matrix", "lesion-pain", "mirels-score")))
    return found


def _concerns(surgery: ProcedureRecord, site: Site) -> bool:
    """A fracture is of the bone that is operated on, or may be where the order names none."""
    if surgery.sites:
        return any(_covers(ordered, site) for ordered in surgery.sites)
    return in_spine(site) == (SPINE in surgery.concepts)


def _poor_condition(chart: Chart, table: Table) -> Reasons:
    """The one reason that no fracture and no deficit outweighs."""
    karnofsky, ecog = chart.latest(Assessment, "karnofsky"), chart.latest(Assessment, "ecog")
    found: Reasons = []
    if karnofsky and karnofsky.number.at_most(table.number("karnofsky")):
        found.append((table.line("karnofsky", karnofsky=karnofsky.number), [karnofsky]))
    if ecog and ecog.number.at_least(table.number("ecog")):
        found.append((table.line("ecog", ecog=ecog.number), [ecog]))
    return found


def _prognosis(chart: Chart, table: Table) -> Iterator[tuple[Text, list[Finding]]]:
    """Short expected survival, metastases of several organs, several blastic lesions."""
    survival = chart.latest(Assessment, SURVIVAL)
    if survival and survival.number.at_most(table.number("survival")):
        yield table.word["survival"], [survival]
    organs = {
        name: problem
        for name in ORGANS
        for problem in chart.all(Problem, name)
        if problem.present and problem.certainty == "confirmed"
    }
    if len(organs) >= table.days("organs"):
        yield table.word["organs"], list(organs.values())
    blastic = [lesion for lesion in chart.all(Lesion) if lesion.text("lesion-matrix") == "blastic"]
    if len(blastic) >= table.days("blastic"):
        yield table.word["blastic"], [lesion.items["lesion-matrix"] for lesion in blastic]


def _lesion(
    surgery: ProcedureRecord, lesions: list[Lesion], situation: Situation, table: Table
) -> Iterator[tuple[Text, list[Finding]]]:
    """What the lesion itself says; only where it is clear which one the operation is for."""
    if len(lesions) != 1:
        if any(site.bone in SELDOM or site.region == "pelvis-other" for site in surgery.sites):
            yield table.word["seldom"], []
        return
    lesion = lesions[0]
    matrix, site = lesion.text("lesion-matrix"), lesion.site
    told = _items(lesion, "lesion-matrix", "lesion-region")
    if site.bone in SELDOM or site.region == "pelvis-other":
        yield table.word["seldom"], told
    elif site.bone in NOT_WEIGHT_BEARING and matrix in ("lytic", "mixed"):
        yield table.word["not_weight_bearing"], told
    elif matrix == "lytic" and any(site.inside(bone) for bone in MAIN_LONG_BONES) and _safe(lesion, situation):
        yield table.word["no_risk"], told


def _safe(lesion: Lesion, situation: Situation) -> bool:
    """A low Mirels score on every reading, and no criterion for fixation."""
    return mirels_bands(lesion, situation) == {"low"} and not situation.said("long-bone-surgery", about=lesion.key)


def _triggers(lesions: list[Lesion], chart: Chart, table: Table) -> Iterator[tuple[Text, list[Finding]]]:
    """What the guidance counts as a reason to consider surgery, beside a fracture and a deficit."""
    for lesion in lesions:
        if weight_bearing(lesion.site) and lesion.yes("bone-destruction"):
            yield table.word["destruction"], _items(lesion, "bone-destruction")
        if lesion.yes("pain-after-radiotherapy"):
            yield table.word["pain"], _items(lesion, "pain-after-radiotherapy")
    extent = chart.latest(Assessment, "bone-metastases-extent")
    if extent and extent.value == "solitary":
        yield table.word["solitary"], [extent]
    if kidney := primary_sites(chart).get("kidney"):
        yield table.word["kidney"], [kidney]


def _items(lesion: Lesion, *names: str) -> list[Finding]:
    return [lesion.items[name] for name in names if name in lesion.items]


def _once(findings: list[Finding]) -> list[Finding]:
    return list({(finding.name, finding.evidence.reference): finding for finding in findings}.values())
