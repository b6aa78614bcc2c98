"""How much it hurts, and where: the pain score that counts, and pain noted with a lesion."""

from __future__ import annotations

from cards.situation import Situation
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart, derived
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Item, Lesion

SCORE = "pain-severity"


@derived
def pain(chart: Chart, situation: Situation) -> Assessment | Missing:
    """The latest pain score, 0 to 10, young enough to describe today; of several of one moment the worst."""
    newest = chart.latest(Assessment, SCORE, within_days=situation.table("pain").days("recent"))
    if not newest:
        return newest
    scores = [score for score in chart.all(Assessment, SCORE) if _moment(score) == _moment(newest)]
    return max(scores, key=lambda score: (score.number.lo, score.number.hi))


def lesion_pain(lesion: Lesion, chart: Chart, situation: Situation) -> Item | None:
    """The pain noted with a lesion that is recent and not "none": its own grade, else that of the SINS panel."""
    days = situation.table("pain").days("lesion_recent")
    for name in ("lesion-pain", "sins-pain"):
        item = lesion.items.get(name)
        if item is None or item.value == "none" or item.evidence.when is None:
            continue
        if item.evidence.when.days_before(chart.as_of).at_most(days):
            return item
    return None


def _moment(finding: Finding) -> object:
    return finding.evidence.when.order if finding.evidence.when else None
