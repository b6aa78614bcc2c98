"""Mirels score: is this long-bone metastasis about to break?"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from cards.advisory import (
    APPOINTMENT_BOOK,
    ENCOUNTER_DISCHARGE,
    ORDER_SELECT,
    ORDER_SIGN,
    PATIENT_VIEW,
    Advices,
    advisory,
)
from cards.facts.exposure import BONE_MODIFYING
from cards.facts.long_bones import CONSULT, fixations, fracture_of, same_bone, surgical_care
from cards.score import Score
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from cards.words import lesion_place, name_of
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

LONG_BONES = ("femur", "proximal-femur", "tibia", "fibula", "humerus", "radius", "ulna")
ITEMS = ("lesion-region", "lesion-pain", "lesion-matrix", "lesion-size-fraction", "lesion-diameter", "bone-diameter")


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN, ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK],
    reads=[Lesion, ProcedureRecord, Problem],
)
def mirels(chart: Chart, situation: Situation, table: Table) -> Advices:
    for lesion in chart.all(Lesion):
        if eligible(lesion) and not fracture_of(chart, lesion) and not _fixed_since(lesion, chart):
            yield from _about(lesion, lesion_score(lesion, table), chart, situation, table)


def eligible(lesion: Lesion) -> bool:
    """A long bone that is not fractured; an open region (femur without a part, total without a place) stays in."""
    region = lesion.text("lesion-region") or lesion.site.region
    in_long_bone = region in ("upper-limb", "lower-limb", "peritrochanteric") or (
        region is None
        and (lesion.site.bone in LONG_BONES or (not lesion.site.known and "mirels-score" in lesion.items))
    )
    return in_long_bone and not lesion.yes("fractured")


def lesion_score(lesion: Lesion, table: Table) -> Score:
    """The score of one lesion, as a range when items are missing or a femur's part is not known."""
    return table.total(
        site=_site(lesion, table),
        pain=lesion.text("lesion-pain") or lesion.item("lesion-pain"),
        lesion=lesion.text("lesion-matrix") or lesion.item("lesion-matrix"),
        size=_size(lesion, table) or lesion.item("lesion-size-fraction"),
    )


def _site(lesion: Lesion, table: Table) -> str | set[str]:
    region = lesion.text("lesion-region") or lesion.site.region
    if region is not None:
        return region
    return {"lower-limb", "peritrochanteric"} if lesion.site.known else set(table.score["site"].options)


def _size(lesion: Lesion, table: Table) -> str | set[str] | None:
    """The class of a size fraction: 1/3 and 2/3 themselves are the middle class (ruling 3); several for "<50 %"."""
    value = lesion.value("lesion-size-fraction")
    if not isinstance(value, Range):
        return value if isinstance(value, str) else None
    tolerance = table.number("tolerance")
    lower, upper = _border(table, "third") - tolerance, _border(table, "two_thirds") + tolerance
    possible = {
        "lt-1-3": value.below(lower) is not False,
        "1-3-to-2-3": value.below(lower) is not True and value.above(upper) is not True,
        "gt-2-3": value.above(upper) is not False,
    }
    return {name for name, may_be in possible.items() if may_be}


def _border(table: Table, name: str) -> Decimal:
    part, whole = table.choice(name)
    border = Fraction(part, whole)
    return Decimal(border.numerator) / Decimal(border.denominator)


def _fixed_since(lesion: Lesion, chart: Chart) -> bool:
    """Fixed on the day of the latest assessment or later: what was scored is the bone before the operation."""
    return fixations(chart, lesion.site).since(lesion.evidence.when)


def _about(lesion: Lesion, score: Score, chart: Chart, situation: Situation, table: Table) -> Advices:
    """What one lesion has to say: its band, or the items that decide it, or nothing."""
    recorded = lesion.number("mirels-score")
    if recorded is not None and not score.complete and _valid(recorded, score):
        yield from _banded(lesion, Score.of_recorded(recorded), ("total_only",), chart, situation, table)
        return
    if not score.anything_known:
        return
    bands = table.reach(score.total)
    if bands[-1] is None or (bands[-1].silent and not bands[-1].speaks_if):
        return
    lowest = bands[0]
    if score.complete or (lowest is not None and not lowest.silent):
        notes = () if score.complete else ("partial",)
        yield from _banded(lesion, score, notes, chart, situation, table)
    elif not bands[-1].silent and situation.hook == PATIENT_VIEW:
        items = listed(name_of(missing.name) for missing in score.missing)
        yield table.advise(
            "ask",
            score=score,
            used=_used(lesion),
            missing=score.missing,
            about=lesion.key,
            bone=lesion_place(lesion),
            range=score.total,
            items=items,
            total=score.total,
        )


def _valid(recorded: Range, score: Score) -> bool:
    """A recorded total counts when the known items could add up to it."""
    return recorded.exact and score.low <= recorded.value <= score.high


def _banded(
    lesion: Lesion, score: Score, notes: tuple[str, ...], chart: Chart, situation: Situation, table: Table
) -> Advices:
    """The advice of the lowest band the total reaches for sure."""
    band = table.band_of(score.low)
    radiotherapy = _radiotherapy_drafted(lesion, situation)
    if band is None or (situation.ordering and not (radiotherapy or _bone_treatment_drafted(situation))):
        return
    drafts = situation.drafted(ProcedureRecord)
    care = surgical_care(chart, drafts, lesion.site, table.days("care")) if radiotherapy else []
    first = radiotherapy and situation.signing and band.name == "high" and not care
    unknown = _unknown_care(chart) if first else []
    yield table.advise(
        band,
        indicator="critical" if first and not unknown else None,
        score=score,
        used=[*_used(lesion), *care],
        missing=[*score.missing, *unknown],
        suggest=[*band.suggest, *(["record-bone-lesion"] if score.missing else [])],
        notes=(*notes, *(("before_radiotherapy",) if radiotherapy else ()), *(("in_hand",) if care else ())),
        about=lesion.key,
        bone=lesion_place(lesion),
        total=score.total,
        range=score.total,
    )


def _unknown_care(chart: Chart) -> list[Missing]:
    """A surgeon may have been asked or the bone fixed where procedures and orders could not be had: never critical."""
    gap = chart.gap(ProcedureRecord)
    return [Missing(CONSULT, gap)] if gap else []


def _bone_treatment_drafted(situation: Situation) -> bool:
    """A bone-modifying agent is drafted: who treats the bone now should know that it may break (acceptance S3-X)."""
    return bool(situation.drafted(DrugRecord, *BONE_MODIFYING))


def _radiotherapy_drafted(lesion: Lesion, situation: Situation) -> bool:
    """Radiotherapy is drafted for this bone, or for no bone in particular."""
    drafts = situation.drafted(ProcedureRecord, "proc-radiotherapy", "radiotherapy", "stereotactic-radiosurgery")
    return any(
        not draft.sites
        or lesion.site.bone is None
        or any(site.bone is None or same_bone(site, lesion.site) for site in draft.sites)
        for draft in drafts
    )


def _used(lesion: Lesion) -> list[Finding]:
    return [lesion.items[item] for item in (*ITEMS, "mirels-score") if item in lesion.items]
