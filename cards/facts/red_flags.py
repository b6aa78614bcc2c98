"""Signs that the spinal cord or the cauda equina may be compressed, each with the lesion it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from cards.facts.diagnosis import CONFIRMED, SUSPECTED, diagnosis
from cards.facts.spine import spine_disease, spine_lesions, treated_after
from cards.situation import Situation
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.when import When

ITEMS = ("new-neurological-deficit", "progressive-neurological-deficit", "sphincter-disturbance")
CODED = ("cauda-equina", "spinal-cord-compression", "paraplegia-deficit")
BLADDER = "urinary-retention"
FRANKEL = "frankel-grade"
ESCC = "escc-grade"
NORMAL = "E"

NOW, RECENT, PAST = "now", "recent", "past"
"""A sign that calls for action today; one to be verified, being older or treated since; one that is history."""


class Sign(msgspec.Struct, frozen=True):
    """One red flag on record. ``word``: what to call it (a row of the table's words); ``about``: the key of its lesion,
    None when it was recorded for the patient as a whole; ``state``: now, recent or past."""

    word: str
    finding: Finding
    about: str | None
    state: str


@derived
def signs(chart: Chart, situation: Situation) -> list[Sign]:
    """Every red flag on record, the most telling kind first; one of each kind a level."""
    deficits = [*_items(chart, situation), *_frankel(chart, situation), *_coded(chart, situation)]
    return [*_compression(chart, situation, deficits), *deficits, *_bladder(chart, situation)]


def _items(chart: Chart, situation: Situation) -> Iterator[Sign]:
    """Deficits recorded as present, unless the same place, or the patient as a whole, was later found free of them."""
    for name in ITEMS:
        found = chart.all(Assessment, name)
        newest = {finding.site.level: finding for finding in found if finding.value is True}
        for finding in newest.values():
            if not any(_takes_back(other, finding) for other in found):
                yield _sign(name, finding, _lesion_at(chart, finding), chart, situation)


def _takes_back(other: Assessment, finding: Assessment) -> bool:
    return (
        other.value is False
        and other.site.level in (None, finding.site.level)
        and _later(other.evidence.when, finding.evidence.when)
    )


def _frankel(chart: Chart, situation: Situation) -> Iterator[Sign]:
    """The last Frankel grade where it is new: worse than the last earlier one, or the first (ruling 8)."""
    grades = chart.all(Assessment, FRANKEL)
    if not grades:
        return
    newest = grades[-1]
    before = [grade for grade in grades if _later(newest.evidence.when, grade.evidence.when)]
    same_day = [grade for grade in grades if grade not in before]
    worst = min(same_day, key=lambda grade: str(grade.value))
    if str(worst.value) < NORMAL and (not before or str(worst.value) < str(before[-1].value)):
        yield _sign(FRANKEL, worst, _lesion_at(chart, worst), chart, situation)


def _coded(chart: Chart, situation: Situation) -> Iterator[Sign]:
    for name in CODED:
        problems = [
            problem for problem in chart.all(Problem, name) if problem.present and problem.certainty != "refuted"
        ]
        for problem in problems[-1:]:
            yield _sign(name, problem, None, chart, situation)


def _bladder(chart: Chart, situation: Situation) -> Iterator[Sign]:
    """A bladder problem is common for other reasons: only a surely new one, and only with disease of bone or spine."""
    affected = diagnosis(chart).status in (CONFIRMED, SUSPECTED) or spine_disease(chart) is not None
    for problem in [problem for problem in chart.all(Problem, BLADDER) if problem.present][-1:]:
        if affected and problem.certainty != "refuted" and _age(problem, chart).at_most(_limit(situation, "new")):
            yield _sign(BLADDER, problem, None, chart, situation)


def _compression(chart: Chart, situation: Situation, deficits: list[Sign]) -> Iterator[Sign]:
    """The highest grade by itself; the one below it together with any deficit on record, however old."""
    table = situation.table("red_flags")
    alone, with_deficit = table.choice("compression_alone"), table.choice("compression_with_deficit")
    impaired = bool(deficits) or any(str(grade.value) < NORMAL for grade in chart.all(Assessment, FRANKEL)[-1:])
    for lesion in spine_lesions(chart):
        item = lesion.items.get(ESCC)
        if item is not None and (item.value == alone or (item.value == with_deficit and impaired)):
            done = treated_after(chart, item.evidence.when, lesion)
            word = "compression" if item.value == alone else "compression-with-deficit"
            yield Sign(word, item, lesion.key, PAST if done else NOW)


def _sign(word: str, finding: Finding, lesion: Lesion | None, chart: Chart, situation: Situation) -> Sign:
    level = getattr(getattr(finding, "site", None), "level", None)
    about = lesion.key if lesion else level
    return Sign(word, finding, about, _state(finding, lesion, chart, situation))


def _state(finding: Finding, lesion: Lesion | None, chart: Chart, situation: Situation) -> str:
    """An undated sign counts as one of today: an emergency does not wait for a date."""
    age = _age(finding, chart)
    if age.above(_limit(situation, "verify")):
        return PAST
    if age.above(_limit(situation, "new")) or treated_after(chart, finding.evidence.when, lesion):
        return RECENT
    return NOW


def _age(finding: Finding, chart: Chart) -> Range:
    when = finding.evidence.when
    return when.days_before(chart.as_of) if when else Range(Decimal(0), INFINITY)


def _limit(situation: Situation, name: str) -> int:
    return situation.table("red_flags").days(name)


def _lesion_at(chart: Chart, finding: Assessment) -> Lesion | None:
    level = finding.site.level
    return next((lesion for lesion in spine_lesions(chart) if level and lesion.site.level == level), None)


def _later(one: When | None, other: When | None) -> bool:
    return one is not None and other is not None and one.order > other.order
