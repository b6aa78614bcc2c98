"""Possible compression of the spinal cord or cauda equina: is there a red flag that cannot wait?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import (
    APPOINTMENT_BOOK,
    ENCOUNTER_DISCHARGE,
    ORDER_SELECT,
    ORDER_SIGN,
    PATIENT_VIEW,
    Advices,
    advisory,
)
from cards.facts.diagnosis import UNKNOWN, cancer, diagnosis, undetermined
from cards.facts.red_flags import ITEMS, NOW, RECENT, Sign, signs
from cards.facts.spine import SURGERY, in_spine, planned_spine_procedures, spine_disease, spine_lesions
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined
from cards.words import drug, lesion_place
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

COMPRESSION = ("compression", "compression-with-deficit")
TARGETED = ("med-vegf-antibody", "med-vegf-tki", "med-egfr-tki", "med-egfr-antibody")
BACK_PATTERNS = ("local", "mechanical", "radicular")


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN, ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK],
    reads=[Assessment, Problem, Lesion, ProcedureRecord, DrugRecord],
)
def spine_emergency(chart: Chart, situation: Situation, table: Table) -> Advices:
    found = signs(chart, situation)
    if not _concerns_us(chart):
        return
    now = [sign for sign in found if sign.state == NOW]
    recent = [sign for sign in found if sign.state == RECENT]
    if now:
        yield from _emergencies(now, chart, situation, table)
    elif recent and situation.hook == PATIENT_VIEW:
        sign = recent[0]
        told = table.word[sign.word]
        used = [each.finding for each in recent]
        yield table.advise("earlier", sign=told, date=sign.finding.evidence.when or "", used=used)
    elif not situation.ordering:
        yield from _severe_pain(chart, situation, table)


def _concerns_us(chart: Chart) -> bool:
    """A cancer or a lesion of the spine is on record; where the diagnoses could not be had, either may be."""
    return bool(cancer(chart) or spine_lesions(chart)) or diagnosis(chart).status == UNKNOWN


def _emergencies(now: list[Sign], chart: Chart, situation: Situation, table: Table) -> Advices:
    """One advice for the patient when any sign belongs to no level, else one for each level."""
    places = dict.fromkeys(sign.about for sign in now)
    for about in [None] if None in places else places:
        group = [sign for sign in now if about in (None, sign.about)]
        surgery = _surgery_at_hand(chart, situation)
        gap = undetermined(chart) if diagnosis(chart).status == UNKNOWN else None
        yield table.advise(
            _band(about, group),
            used=[sign.finding for sign in group],
            missing=[gap] if gap is not None else [],
            notes=["surgery"] if surgery else [],
            lines=_for_the_surgeon(chart, table) if surgery else [],
            about=about,
            sign=table.word[group[0].word],
            signs=joined(table.word[word] for word in dict.fromkeys(sign.word for sign in group)),
            level=_level(about, chart),
        )


def _band(about: str | None, group: list[Sign]) -> str:
    if about is None:
        return "emergency"
    return "compression" if group[0].word in COMPRESSION else "emergency-at-level"


def _level(about: str | None, chart: Chart) -> Text | str:
    lesion = next((lesion for lesion in spine_lesions(chart) if lesion.key == about), None)
    return lesion_place(lesion) if lesion else about or ""


def _surgery_at_hand(chart: Chart, situation: Situation) -> bool:
    """Spine surgery is drafted, ordered or booked."""
    planned = [record for record in planned_spine_procedures(chart) if record.concepts & set(SURGERY)]
    return bool(planned or situation.drafted(ProcedureRecord, *SURGERY))


def _for_the_surgeon(chart: Chart, table: Table) -> Iterator[Text]:
    """What delays an operation at leisure and only warns before an urgent one (ruling 30)."""
    within = table.days("wound")
    radiotherapy = [
        each for each in chart.all(ProcedureRecord, "proc-radiotherapy", within_days=within) if each.state == "done"
    ]
    for record in radiotherapy[-1:]:
        yield table.line("radiotherapy", date=record.evidence.when)
    for name in TARGETED:
        for dose in chart.all(DrugRecord, name, within_days=within)[-1:]:
            yield table.line("targeted", drug=drug(name), date=dose.evidence.when)


def _severe_pain(chart: Chart, situation: Situation, table: Table) -> Advices:
    """Severe back pain with disease of the spine: a warning when simple analgesics do not relieve it."""
    within = table.days("pain_recent")
    disease = spine_disease(chart)
    pain = _back_pain(chart, within)
    if disease is None or pain is None or not pain.number.at_least(table.number("severe_pain")):
        return
    relieved = chart.latest(Assessment, "pain-relieved-by-simple-analgesics", within_days=within)
    if isinstance(relieved, Missing):
        if situation.hook == PATIENT_VIEW:
            yield table.advise("pain-to-examine", used=[pain, disease], missing=[relieved], pain=pain.number)
    elif relieved.value is False:
        asked = [chart.latest(Assessment, item) for item in ITEMS]
        missing = [item for item in asked if isinstance(item, Missing)]
        yield table.advise("pain", used=[pain, relieved, disease], missing=missing, pain=pain.number)


def _back_pain(chart: Chart, within: int) -> Assessment | None:
    """The last pain score of the spine, or one without a place where back pain is on record otherwise."""
    elsewhere = chart.any(Problem, "bone-or-back-pain")
    pattern = [each for each in chart.all(Assessment, "pain-pattern") if each.value in BACK_PATTERNS]
    back = bool(pattern or [problem for problem in elsewhere if problem.present])
    scores = [
        score
        for score in chart.all(Assessment, "pain-severity", within_days=within)
        if in_spine(score.site) or (back and not score.site.known)
    ]
    return scores[-1] if scores else None
