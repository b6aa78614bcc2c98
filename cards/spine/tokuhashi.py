"""Revised Tokuhashi score: the prognostic group of a patient with a spinal metastasis."""

from __future__ import annotations

from collections.abc import Sequence

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.prognosis import (
    classes,
    considered,
    en_bloc,
    primaries,
    receptor,
    receptor_negative,
    receptor_notes,
    recorded_total,
    visceral,
)
from cards.score import Score
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from cards.words import name_of
from fhir_mappings.assessments import Assessment, Marker
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

SITES = ("poorest", "poor", "kidney-uterus", "rectum", "favourable")
PALSY = {"A": "complete", "B": "complete", "C": "incomplete", "D": "incomplete", "E": "none"}
REMOVABLE = {"none": "none", "treatable": "removable", "untreatable": "unremovable"}
COUNTS = ("extraspinal-bone-metastases", "vertebral-metastases")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Problem, Lesion, Assessment, Marker, ProcedureRecord])
def tokuhashi(chart: Chart, situation: Situation, table: Table) -> Advices:
    karnofsky, extraspinal, vertebral, palsy = (
        chart.latest(Assessment, item) for item in ("karnofsky", *COUNTS, "frankel-grade")
    )
    if not considered(chart, situation) or _not_applicable(karnofsky, vertebral, table):
        return
    organs, from_organs = visceral(chart)
    score = table.total(
        condition=_group(karnofsky, table, "fair", "good", ("poor", "fair", "good")),
        extraspinal=_group(extraspinal, table, "one", "three", ("0", "1-2", "3-or-more")),
        vertebral=_group(vertebral, table, "two", "three", ("1", "2", "3-or-more")),
        organs=_organs(organs),
        primary=_primary(chart, situation, table),
        palsy=palsy if isinstance(palsy, Missing) else PALSY[str(palsy.value)],
    )
    marker = receptor(chart, situation)
    looked_at = (karnofsky, extraspinal, vertebral, palsy, marker, *from_organs, *primaries(chart).values())
    used = [finding for finding in looked_at if isinstance(finding, Finding)]
    notes = receptor_notes(chart, situation)
    if recorded := recorded_total(chart, "tokuhashi-score", score):
        total, item = recorded
        yield from _banded(Score.of_recorded(total), ["total_only"], [*used, item], chart, situation, table)
    elif score.complete:
        yield from _banded(score, notes, used, chart, situation, table)
    elif score.anything_known and situation.hook == PATIENT_VIEW:
        if isinstance(karnofsky, Missing) and chart.latest(Assessment, "ecog"):
            notes = [*notes, "ecog"]
        items = listed((name_of(missing.name) for missing in score.missing), most=1)
        missing = score.missing
        yield table.advise("ask", score=score, used=used, missing=missing, notes=notes, total=score.total, items=items)


def _not_applicable(karnofsky: Assessment | Missing, vertebral: Assessment | Missing, table: Table) -> bool:
    """A Karnofsky of 0, or no vertebral metastasis: the paper's table has no row for either."""
    dead = not isinstance(karnofsky, Missing) and karnofsky.number.below(table.number("scorable"))
    none = not isinstance(vertebral, Missing) and vertebral.number.below(table.number("one"))
    return bool(dead or none)


def _group(
    number: Assessment | Missing, table: Table, some: str, many: str, groups: tuple[str, str, str]
) -> set[str] | Missing:
    """The groups a number may fall in: below the limit ``some``, between, from the limit ``many`` on."""
    if isinstance(number, Missing):
        return number
    below, above = number.number.below(table.number(some)), number.number.at_least(table.number(many))
    if below or above:
        return {groups[0] if below else groups[2]}
    return {groups[1], *(groups[:1] if below is None else ()), *(groups[2:] if above is None else ())}


def _organs(organs: str | set[str] | Missing) -> str | set[str] | Missing:
    if isinstance(organs, str):
        return REMOVABLE[organs]
    return organs if isinstance(organs, Missing) else {REMOVABLE[each] for each in organs}


def _primary(chart: Chart, situation: Situation, table: Table) -> set[str] | Missing:
    """The group of the primary; one that is named and not listed is among the others of the paper."""
    groups = {name: list(table.choice(name)) for name in SITES}
    breast = "breast-receptor-negative" if receptor_negative(chart, situation) else None
    return classes(chart, groups, other="others", breast=breast)


def _banded(
    score: Score,
    notes: Sequence[str],
    used: Sequence[Finding],
    chart: Chart,
    situation: Situation,
    table: Table,
) -> Advices:
    band = table.reach(score.total)[0]
    if band is None:
        return
    conflict = band.name == "lower" and en_bloc(chart, situation)
    yield table.advise(
        band,
        indicator="warning" if conflict else None,
        score=score,
        used=used,
        notes=[*notes, *(["en_bloc"] if conflict else [])],
        total=score.total,
    )
