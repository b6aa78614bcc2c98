"""Femur and tibia: is this bone broken, or does it meet a criterion for being fixed before it breaks?"""

from __future__ import annotations

from typing import cast

from cards.advice import at_most, one_lower
from cards.advisory import ENCOUNTER_DISCHARGE, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import CONFIRMED, SUSPECTED, diagnosis
from cards.facts.long_bones import (
    FIXATION,
    Fixations,
    Fracture,
    fixations,
    fracture_of,
    fractures,
    in_arm,
    planned_care,
    same_bone,
    weight_bearing,
)
from cards.fracture_risk.mirels import eligible, lesion_score
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, listed
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

STRAINS_THE_BONE = ("proc-radiotherapy", "proc-transfer")  # drafts at which an unfixed bone matters
READ = ("lesion-diameter", "cortical-destruction", "lesion-matrix", "lesion-pain", "pain-after-radiotherapy")


@advisory(
    hooks=[PATIENT_VIEW, ENCOUNTER_DISCHARGE, ORDER_SIGN],
    reads=[Lesion, Problem, ProcedureRecord],
    asks=["mirels"],
)
def long_bone_surgery(chart: Chart, situation: Situation, table: Table) -> Advices:
    for fracture in fractures(chart):
        if _concerned(fracture.site, situation):
            yield from _broken(fracture, chart, situation, table)
    if diagnosis(chart).status not in (CONFIRMED, SUSPECTED):
        return  # without a metastasis on record only a bone that has broken speaks
    for lesion in chart.all(Lesion):
        if weight_bearing(lesion.site) and not fracture_of(chart, lesion) and _concerned(lesion.site, situation):
            yield from _impending(lesion, chart, situation, table)


def _concerned(site: Site, situation: Situation) -> bool:
    """While orders are signed only those that strain this bone: radiotherapy to it or to no place said, a transfer."""
    if not situation.ordering:
        return True
    drafts = situation.drafted(ProcedureRecord, *STRAINS_THE_BONE)
    return any(not draft.sites or any(same_bone(each, site) for each in draft.sites) for draft in drafts)


def _broken(fracture: Fracture, chart: Chart, situation: Situation, table: Table) -> Advices:
    if weight_bearing(fracture.site):
        band = table.band["fracture"]
    elif in_arm(fracture.site):
        band = table.band["fracture-arm"]
    else:
        return
    fixed = fixations(chart, fracture.site)
    if fixed.since(fracture.finding.evidence.when):
        return
    unclear = _unclear(fixed, fracture.lesion, chart)
    doubt = bool(fixed.sure or unclear or chart.gap(ProcedureRecord) or fracture.suspected)
    indicator = band.indicator_for(situation.hook)
    planned = _planned(fracture.site, chart, situation)
    notes = [*(["fixed_before"] if fixed.sure else []), *unclear]
    yield table.advise(
        band,
        indicator=_milder(at_most(indicator, "warning") if doubt else indicator, planned),
        used=[fracture.finding, *fixed.sure, *fixed.possible, *planned],
        missing=_unknown_fixation(chart),
        notes=[*notes, *(["planned"] if planned else [])],
        about=fracture.about,
        bone=fracture.place,
    )


def _impending(lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> Advices:
    met = _criteria(lesion, table)
    if not met:
        for item in READ:
            if item in lesion.unread:
                chart.unknown[item] = lesion.unread[item]
        return
    fixed = fixations(chart, lesion.site)
    if fixed.within(table.days("fixed"), chart) or fixed.since(lesion.evidence.when):
        return
    alone = (
        list(met) == ["lytic"] and lesion.text("lesion-pain") == "none" and mirels_bands(lesion, situation) == {"low"}
    )
    band = table.band["fully-lytic" if alone else "criterion"]
    planned = _planned(lesion.site, chart, situation)
    unclear = _unclear(fixed, lesion, chart)
    yield table.advise(
        band,
        indicator=_milder(band.indicator_for(situation.hook), planned),
        used=[*(lesion.items[item] for item in READ if item in lesion.items), *fixed.sure, *fixed.possible, *planned],
        missing=_unknown_fixation(chart),
        notes=[*(["fixed_before"] if fixed.sure else []), *unclear, *(["planned"] if planned else [])],
        about=lesion.key,
        bone=lesion_place(lesion),
        criterion=listed(met.values()),
    )


def _criteria(lesion: Lesion, table: Table) -> dict[str, Text]:
    """The criteria this lesion surely meets, each as the card names it."""
    met = {}
    diameter, cortex = lesion.number("lesion-diameter"), lesion.number("cortical-destruction")
    if diameter is not None and diameter.above(table.number("diameter")):
        met["diameter"] = table.line("diameter", diameter=diameter)
    if cortex is not None and cortex.above(table.number("cortex")):
        met["cortex"] = table.line("cortex", cortex=cortex)
    if _written_fully_lytic(lesion, table):
        met["lytic"] = table.word["lytic"]
    if lesion.text("lesion-pain") == "functional":
        met["loading"] = table.word["loading"]
    if lesion.yes("pain-after-radiotherapy"):
        met["radiotherapy"] = table.word["radiotherapy"]
    return met


def _written_fully_lytic(lesion: Lesion, table: Table) -> bool:
    """The word itself is on record; that a lesion is lytic does not say that all of it is (ruling 6)."""
    matrix = lesion.items.get("lesion-matrix")
    return matrix is not None and matrix.evidence.original.casefold() in table.choice("fully_lytic")


def mirels_bands(lesion: Lesion, situation: Situation) -> frozenset[str]:
    """Every Mirels band the lesion may be in, by its items or a recorded total; none where it cannot be scored."""
    if not eligible(lesion):
        return frozenset()
    table = cast(Table, situation.table("mirels"))
    score, recorded = lesion_score(lesion, table), lesion.number("mirels-score")
    if recorded is None and not score.anything_known:
        return frozenset()
    total = score.total if score.complete or recorded is None else recorded
    return frozenset(band.name for band in table.reach(total) if band is not None)


def _planned(site: Site, chart: Chart, situation: Situation) -> list[ProcedureRecord]:
    return planned_care(chart, situation.drafted(ProcedureRecord), site)


def _milder(indicator: str, planned: list[ProcedureRecord]) -> str:
    """One level less urgent where the review or the fixation is already on its way."""
    return one_lower(indicator) if planned else indicator


def _unclear(fixed: Fixations, lesion: Lesion | None, chart: Chart) -> list[str]:
    """The note that says this bone may have been operated on already."""
    return ["perhaps_fixed"] if fixed.possible or (lesion is not None and lesion.yes("prior-surgery")) else []


def _unknown_fixation(chart: Chart) -> list[Missing]:
    why = chart.gap(ProcedureRecord)
    return [Missing(FIXATION, why)] if why else []
