"""A painful bone metastasis and no recent radiotherapy: has a radiation oncologist been asked?"""

from __future__ import annotations

from cards.advice import Advice
from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.imaging import disproved
from cards.facts.local_treatment import records
from cards.facts.long_bones import Fracture, fracture_of, fractures
from cards.facts.pain import lesion_pain, pain
from cards.facts.radiotherapy import RADIOTHERAPY, given, may_be_same, may_cover
from cards.facts.spine import EMERGENCY_BANDS, emergency_stands_for, in_spine
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place, place
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

SEVERE_AT_LESION = ("moderate", "functional", "mechanical")
FLAT = ("rib", "other", "pelvis-other", "pelvis-acetabulum")


@advisory(
    hooks=[PATIENT_VIEW],
    reads=[Lesion, Assessment, ProcedureRecord, Problem, Imaging],
    asks=["mirels", "sins", "spine-emergency", "long-bone-surgery", "mimic"],
)
def rt_indication(chart: Chart, situation: Situation, table: Table) -> Advices:
    if disproved(chart) or situation.said("mimic"):
        return
    strong = _strong(chart, situation, table)
    painful = [lesion for lesion in chart.all(Lesion) if _hurts(lesion, strong, chart, situation, table)]
    for lesion in painful:
        silenced = _surgeon_first(lesion, chart, situation) or _irradiated_before(lesion)
        if not silenced and _unirradiated(lesion.site, chart, situation, table):
            yield _consult(lesion, strong, chart, situation, table)
    if strong and not _explained(strong, painful) and not _emergency(situation):
        yield from _unplaced(strong, chart, situation, table)


def _unplaced(strong: Assessment, chart: Chart, situation: Situation, table: Table) -> Advices:
    """Strong pain that no recorded lesion explains, where no fracture does."""
    if not _broken_at(strong.site, chart) and _unirradiated(strong.site, chart, situation, table):
        where = place(strong.site) if strong.site.known else table.word["unplaced"]
        yield table.advise("no-lesion", used=[strong, *_earlier(strong.site, chart)], where=where, pain=strong.number)


def _strong(chart: Chart, situation: Situation, table: Table) -> Assessment | None:
    """The pain score when it is surely as high as the limit."""
    score = pain(chart, situation)
    return score if score and score.number.at_least(table.number("pain")) else None


def _hurts(lesion: Lesion, strong: Assessment | None, chart: Chart, situation: Situation, table: Table) -> bool:
    """A strong pain score of this place, or pain noted with the lesion that is strong or lasts."""
    if strong and strong.site.known and may_be_same(strong.site, lesion.site):
        return True
    noted = lesion_pain(lesion, chart, situation)
    unplaced = strong is not None and not strong.site.known
    return noted is not None and (noted.value in SEVERE_AT_LESION or unplaced or _lasting(chart, table))


def _explained(strong: Assessment, painful: list[Lesion]) -> bool:
    return any(may_be_same(strong.site, lesion.site) for lesion in painful)


def _lasting(chart: Chart, table: Table) -> bool:
    """Pain of two weeks and more, or not relieved by simple analgesics."""
    duration = chart.latest(Assessment, "pain-duration")
    relieved = chart.latest(Assessment, "pain-relieved-by-simple-analgesics")
    lasts = bool(duration and duration.number.at_least(table.number("persistent")))
    return lasts or bool(relieved and relieved.value is False)


def _surgeon_first(lesion: Lesion, chart: Chart, situation: Situation) -> bool:
    """Mirels, SINS, a fracture of a long bone or vertebra, or an emergency: review before radiotherapy (ruling 5)."""
    at_risk = any(advice.indicator != "info" for advice in _scores(lesion, situation))
    broken = fracture_of(chart, lesion)
    if broken is not None and _waits(broken):
        return True
    return at_risk or (in_spine(lesion.site) and emergency_stands_for(lesion, situation))


def _emergency(situation: Situation) -> bool:
    return any(advice.name in EMERGENCY_BANDS for advice in situation.said("spine-emergency"))


def _scores(lesion: Lesion, situation: Situation) -> list[Advice]:
    return [advice for score in ("mirels", "sins") for advice in situation.said(score, about=lesion.key)]


def _fixation(lesion: Lesion, situation: Situation) -> bool:
    return any(advice.indicator != "info" for advice in situation.said("long-bone-surgery", about=lesion.key))


def _waits(broken: Fracture) -> bool:
    """A fractured rib or flat bone does not count (ruling 5)."""
    region = broken.lesion.text("lesion-region") if broken.lesion else None
    return (region or broken.site.region) not in FLAT


def _broken_at(where: Site, chart: Chart) -> bool:
    """A fracture that may be the place of the pain."""
    return any(_waits(broken) and may_be_same(broken.site, where) for broken in fractures(chart))


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
