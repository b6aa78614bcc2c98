"""SINS: is this level of the spine unstable?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from cards.advisory import ENCOUNTER_DISCHARGE, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.spine import (
    TREATMENT,
    drafted_for,
    emergency_stands_for,
    spine_lesions,
    treated,
    unplaced_treatments,
)
from cards.score import Score
from cards.situation import Situation
from cards.table import Band, Table
from cards.text import listed
from cards.words import lesion_place, name_of
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

OWN_ITEMS = ("sins-pain", "sins-alignment", "sins-collapse", "sins-posterolateral")
ITEMS = ("sins-location", "sins-pain", "lesion-matrix", "sins-alignment", "sins-collapse", "sins-posterolateral")
TOTAL = "sins-score"


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SIGN, ENCOUNTER_DISCHARGE], reads=[Lesion, ProcedureRecord], asks=["spine-emergency"]
)
def sins(chart: Chart, situation: Situation, table: Table) -> Advices:
    for lesion in spine_lesions(chart):
        if begun(lesion) and _concerned(lesion, situation) and not emergency_stands_for(lesion, situation):
            yield from _of_level(lesion, chart, situation, table)


def replaced(chart: Chart, situation: Situation) -> Advices:
    """What the score says of the levels where the spinal emergency has taken its card's place: they are no stabler."""
    table = cast(Table, situation.table("sins"))
    for lesion in spine_lesions(chart):
        if begun(lesion) and emergency_stands_for(lesion, situation):
            yield from _of_level(lesion, chart, situation, table)


def begun(lesion: Lesion) -> bool:
    """An item of the score is recorded; a location worked out from the level alone is not."""
    return any(item in lesion.items for item in (*OWN_ITEMS, "lesion-matrix", TOTAL))


def lesion_score(lesion: Lesion, table: Table) -> Score:
    """The score of one level, as a range when items are missing."""
    return table.total(
        location=_answer(lesion, "sins-location"),
        pain=_answer(lesion, "sins-pain"),
        lesion=_answer(lesion, "lesion-matrix"),
        alignment=_answer(lesion, "sins-alignment"),
        collapse=lesion.text("sins-collapse") or _collapse(lesion, table),
        posterolateral=_answer(lesion, "sins-posterolateral"),
    )


def total(lesion: Lesion, chart: Chart, table: Table) -> Range | None:
    """Every total the level may have, for rules that ask whether it is stable; None where it is not to be scored."""
    if treated(chart, lesion) is not None or not begun(lesion):
        return None
    score = lesion_score(lesion, table)
    recorded = lesion.number(TOTAL)
    return recorded if recorded is not None and _counts(recorded, score) else score.total


def _answer(lesion: Lesion, item: str) -> str | Missing:
    found = lesion.item(item)
    return found if isinstance(found, Missing) else str(found.value)


def _collapse(lesion: Lesion, table: Table) -> set[str] | Missing:
    """The classes a collapse in per cent may fall in; exactly the border counts as more (clinical document)."""
    measured = lesion.number("vertebral-collapse")
    if measured is None:
        return Missing("sins-collapse")
    border = table.number("collapse")
    possible = set()
    if measured.at_least(border) is not False:
        possible.add("gt-50")
    if measured.below(border) is not False and measured.above(0) is not False:
        possible.add("lt-50")
    if measured.at_most(0) is not False:
        possible |= {"involved-gt-50", "none"}
    return possible


def _concerned(lesion: Lesion, situation: Situation) -> bool:
    """At order-sign only a treatment of this level, or of no place in particular."""
    return not situation.ordering or drafted_for(lesion, situation, *TREATMENT)


def _of_level(lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> Advices:
    """What one level has to say: not to be scored, its band, or the items that decide it."""
    if (done := treated(chart, lesion)) is not None:
        yield table.advise("treated", used=[*_used(lesion), done], about=lesion.key, level=lesion_place(lesion))
        return
    score = lesion_score(lesion, table)
    recorded = lesion.number(TOTAL)
    if recorded is not None and _counts(recorded, score):
        yield from _banded(lesion, Score.of_recorded(recorded), ("total_only",), chart, table)
        return
    bands = table.reach(score.total)
    if score.complete or _speaks(bands[0]):
        notes = [] if score.complete else ["partial"]
        if recorded is not None and recorded != score.total:
            notes.append("differs")
        yield from _banded(lesion, score, notes, chart, table)
    elif _speaks(bands[-1]) and situation.hook == PATIENT_VIEW:
        items = listed((name_of(missing.name) for missing in score.missing), most=1)
        yield table.advise(
            "ask",
            score=score,
            used=_used(lesion),
            missing=score.missing,
            about=lesion.key,
            level=lesion_place(lesion),
            total=score.total,
            items=items,
        )


def _counts(recorded: Range, score: Score) -> bool:
    """A recorded total stands in for items that are missing, where the known ones could add up to it."""
    return not score.complete and recorded.exact and score.low <= recorded.value <= score.high


def _speaks(band: Band | None) -> bool:
    return band is not None and not band.silent


def _banded(lesion: Lesion, score: Score, notes: Iterable[str], chart: Chart, table: Table) -> Advices:
    """The advice of the lowest band that the total reaches for sure."""
    band = table.reach(score.total)[0]
    if band is None:
        return
    unplaced = unplaced_treatments(chart)
    yield table.advise(
        band,
        score=score,
        used=[*_used(lesion), *unplaced[-1:]],
        missing=score.missing,
        notes=(*notes, *(("unplaced",) if unplaced else ())),
        about=lesion.key,
        level=lesion_place(lesion),
        total=score.total,
        recorded=lesion.number(TOTAL) or "",
    )


def _used(lesion: Lesion) -> list[Finding]:
    return [lesion.items[item] for item in (*ITEMS, "vertebral-collapse", TOTAL) if item in lesion.items]
