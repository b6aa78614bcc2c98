"""A painful bone metastasis and no recent radiotherapy: has a radiation oncologist been asked?"""

from __future__ import annotations

from cards.advice import Advice
from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.local_treatment import records
from cards.facts.pain import lesion_pain, pain
from cards.facts.radiotherapy import RADIOTHERAPY, given, may_be_same, may_cover
from cards.facts.spine import emergency_stands_for, in_spine
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place, place
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

SEVERE_AT_LESION = ("moderate", "functional", "mechanical")
FRACTURE_WAITS = ("upper-limb", "lower-limb", "peritrochanteric", "spine")


@advisory(
    hooks=[PATIENT_VIEW],
    reads=[Lesion, Assessment, ProcedureRecord, Problem],
    asks=["mirels", "sins", "spine-emergency", "long-bone-surgery"],
)
def rt_indication(chart: Chart, situation: Situation, table: Table) -> Advices:
    strong = _strong(chart, situation, table)
    painful = [lesion for lesion in chart.all(Lesion) if _hurts(lesion, strong, chart, situation, table)]
    for lesion in painful:
        silenced = _surgeon_first(lesion, chart, situation) or _irradiated_before(lesion)
        if not silenced and _unirradiated(lesion.site, chart, situation, table):
            yield _consult(lesion, strong, chart, situation, table)
    if strong and not painful and _unirradiated(strong.site, chart, situation, table):
        where = place(strong.site) if strong.site.known else table.word["unplaced"]
        yield table.advise("no-lesion", used=[strong, *_earlier(strong.site, chart)], where=where, pain=strong.number)


def _strong(chart: Chart, situation: Situation, table: Table) -> Assessment | None:
    """The pain score when it is surely as high as the limit."""
    score = pain(chart, situation)
    return score if score and score.number.at_least(table.number("pain")) else None


def _hurts(lesion: Lesion, strong: Assessment | None, chart: Chart, situation: Situation, table: Table) -> bool:
    """A strong pain score of this place, or pain noted with the lesion that is strong or lasts."""
    if strong and strong.site.known:
        return may_be_same(strong.site, lesion.site)
    noted = lesion_pain(lesion, chart, situation)
    return noted is not None and (noted.value in SEVERE_AT_LESION or strong is not None or _lasting(chart, table))


def _lasting(chart: Chart, table: Table) -> bool:
    """Pain of two weeks and more, or not relieved by simple analgesics."""
    duration = chart.latest(Assessment, "pain-duration")
    relieved = chart.latest(Assessment, "pain-relieved-by-simple-analgesics")
    lasts = bool(duration and duration.number.at_least(table.number("persistent")))
    return lasts or bool(relieved and relieved.value is False)


def _surgeon_first(lesion: Lesion, chart: Chart, situation: Situation) -> bool:
    """Mirels, SINS, a fracture of a long bone or vertebra, or an emergency: review before radiotherapy (ruling 5)."""
    at_risk = any(advice.indicator != "info" for advice in _scores(lesion, situation))
    return at_risk or _fractured(lesion, chart) or (in_spine(lesion.site) and emergency_stands_for(lesion, situation))


def _scores(lesion: Lesion, situation: Situation) -> list[Advice]:
    return [advice for score in ("mirels", "sins") for advice in situation.said(score, about=lesion.key)]


def _fixation(lesion: Lesion, situation: Situation) -> bool:
    return any(advice.indicator != "info" for advice in situation.said("long-bone-surgery", about=lesion.key))


def _fractured(lesion: Lesion, chart: Chart) -> bool:
    """A fractured rib or flat bone does not count."""
    region = lesion.text("lesion-region") or lesion.site.region
    if region not in FRACTURE_WAITS and not lesion.site.inside("femur"):
        return False
    coded = [problem for problem in chart.all(Problem, "pathological-fracture") if problem.present]
    return lesion.yes("fractured") or any(may_be_same(site, lesion.site) for problem in coded for site in problem.sites)


def _irradiated_before(lesion: Lesion) -> bool:
    """The panel says so, without a date: it may have been recently."""
    return lesion.yes("prior-radiotherapy") or lesion.yes("pain-after-radiotherapy")


def _unirradiated(place: Site, chart: Chart, situation: Situation, table: Table) -> bool:
    """True when it is known that no radiotherapy of this place is planned or was given recently."""
    if not chart.all(ProcedureRecord, RADIOTHERAPY):
        return chart.lacks(ProcedureRecord, RADIOTHERAPY)
    if chart.gap(ProcedureRecord):
        return False
    to_bone = records(chart, situation, RADIOTHERAPY)
    return not any(_counts(record, chart, table) for record in to_bone if may_cover(record, place))


def _counts(record: ProcedureRecord, chart: Chart, table: Table) -> bool:
    """Planned, or not surely longer ago than the limit."""
    when = record.evidence.when
    if record.state not in ("done", "fulfilled") or when is None:
        return True
    return when.days_before(chart.as_of).at_most(table.number("recent")) is not False


def _earlier(place: Site, chart: Chart) -> list[ProcedureRecord]:
    return [record for record in given(chart) if may_cover(record, place)][-1:]


def _consult(lesion: Lesion, strong: Assessment | None, chart: Chart, situation: Situation, table: Table) -> Advice:
    open_scores = [missing for advice in _scores(lesion, situation) for missing in advice.missing]
    return table.advise(
        "consult",
        used=[strong, lesion_pain(lesion, chart, situation), *_earlier(lesion.site, chart)],
        missing=open_scores,
        notes=[*(["open_score"] if open_scores else []), *(["fixation"] if _fixation(lesion, situation) else [])],
        about=lesion.key,
        where=lesion_place(lesion),
    )
