"""Tomita score: which goal of surgery does the published strategy relate to this patient?"""

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

GROWTH = ("slow", "moderate", "rapid")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Problem, Lesion, Assessment, Marker, ProcedureRecord])
def tomita(chart: Chart, situation: Situation, table: Table) -> Advices:
    if not considered(chart, situation):
        return
    growth, from_growth = _growth(chart, situation, table)
    organs, from_organs = visceral(chart)
    bone, from_bone = _extent(chart)
    score = table.total(growth=growth, visceral=organs, bone=bone)
    used = [*from_growth, *from_organs, *from_bone]
    notes = receptor_notes(chart, situation) if "primary-growth" not in {finding.name for finding in used} else []
    if recorded := recorded_total(chart, "tomita-score", score):
        total, item = recorded
        yield from _banded(Score.of_recorded(total), ["total_only"], [*used, item], chart, situation, table)
    elif score.complete:
        yield from _banded(score, notes, used, chart, situation, table)
    elif (score.anything_known or primaries(chart)) and _asks(score, situation):
        missing = score.missing
        notes = ["growth"] if any(each.name == "primary-growth" for each in missing) else notes
        items = listed((name_of(each.name) for each in missing), most=1)
        yield table.advise("ask", score=score, used=used, missing=missing, notes=notes, total=score.total, items=items)


def _growth(chart: Chart, situation: Situation, table: Table) -> tuple[str | set[str] | Missing, Sequence[Finding]]:
    """The growth class a clinician recorded, else that of the primary; never a default for a site not listed."""
    recorded = chart.latest(Assessment, "primary-growth")
    if not isinstance(recorded, Missing):
        return str(recorded.value), [recorded]
    groups = {name: list(table.choice(name)) for name in GROWTH}
    breast = "moderate" if receptor_negative(chart, situation) else None
    found = classes(chart, groups, breast=breast)
    marker = receptor(chart, situation)
    used = [*primaries(chart).values(), *([marker] if isinstance(marker, Marker) else [])]
    return recorded if isinstance(found, Missing) else found, used


def _extent(chart: Chart) -> tuple[str | Missing, list[Finding]]:
    """Solitary or multiple: as recorded, else by the counts of vertebral and other bone metastases."""
    recorded = chart.latest(Assessment, "bone-metastases-extent")
    if not isinstance(recorded, Missing):
        return str(recorded.value), [recorded]
    spine, other = (chart.latest(Assessment, f"{where}-metastases") for where in ("vertebral", "extraspinal-bone"))
    counts: list[Finding] = [count for count in (spine, other) if isinstance(count, Assessment)]
    if (spine and spine.number.at_least(2)) or (other and other.number.at_least(1)):
        return "multiple", counts
    if spine and other and spine.number.at_most(1) and other.number.below(1):
        return "solitary", counts
    return recorded, counts


def _asks(score: Score, situation: Situation) -> bool:
    """Missing items are asked for at patient-view; the growth class also while the operation is signed (ruling 9)."""
    return situation.hook == PATIENT_VIEW or any(missing.name == "primary-growth" for missing in score.missing)


def _banded(
    score: Score,
    notes: list[str],
    used: Sequence[Finding],
    chart: Chart,
    situation: Situation,
    table: Table,
) -> Advices:
    conflict = en_bloc(chart, situation) and score.total.at_least(table.number("en_bloc_conflict")) is True
    band = table.reach(score.total)[0]
    if band is None:
        return
    yield table.advise(
        band,
        indicator="warning" if conflict else None,
        score=score,
        used=used,
        notes=[*notes, *(["en_bloc"] if conflict else [])],
        total=score.total,
    )
