"""Hypercalcaemia: how high, corrected or not, with symptoms or without?"""

from __future__ import annotations

from cards.advice import at_least
from cards.advisory import ENCOUNTER_DISCHARGE, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.calcium import LAB_LIMIT, UNCORRECTED, Calcium, calcium
from cards.facts.diagnosis import cancer
from cards.facts.exposure import bone_modifying
from cards.situation import Situation
from cards.table import Band, Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord

RAISES_CALCIUM = ("med-calcium", "med-vitamin-d", "med-thiazide")
ONE_MORE_URGENT = {"info": "warning", "warning": "critical", "critical": "critical"}


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN, ENCOUNTER_DISCHARGE], reads=[Lab, Assessment, Problem, DrugRecord, Lesion])
def hypercalcemia(chart: Chart, situation: Situation, table: Table) -> Advices:
    level = calcium(chart, situation)
    if not isinstance(level, Calcium) or not _concerns_us(chart, situation):
        return
    symptoms = chart.latest(Assessment, "hypercalcemia-symptoms")
    band = _band(level, table)
    if band is None:
        return
    symptomatic = bool(symptoms and symptoms.value is True)
    indicator = band.indicator_for(situation.hook)
    if symptomatic and band.name in ("mild", "moderate"):
        indicator = at_least(ONE_MORE_URGENT[indicator], indicator)
    yield table.advise(
        band,
        indicator=indicator,
        used=[*level.used, symptoms or None],
        missing=[symptoms] if not symptoms else [],
        notes=_notes(level, band, symptomatic, bool(symptoms), chart),
        suggest=[
            *band.suggest,
            *([] if symptoms or band.name == "upper-normal" else ["record-hypercalcemia-symptoms"]),
        ],
        kind=table.word[level.kind],
        value=level.value,
        total=level.measured.value,
        albumin=level.albumin.value if level.albumin else "",
    )


def _band(level: Calcium, table: Table) -> Band | None:
    """The band every possible value agrees on; the lowest one when a limit like ">3.0" leaves several open."""
    if level.value.exact and level.value.value == table.number("moderate") and table.choice("boundary_3_0") == "down":
        return table.band["mild"]
    if level.value.exact and level.value.value == table.number("severe") and table.choice("severe_inclusive"):
        return table.band["severe"]
    lowest = table.reach(level.value)[0]
    mild = table.band["mild"]
    if lowest is not None and lowest is not mild:
        return lowest
    above_normal = level.measured.high is not None and level.value.above(level.measured.high.hi)
    begins = table.choice("mild_low")
    if begins == LAB_LIMIT:  # where the laboratory gives no limit the table's own holds
        return mild if above_normal or (lowest is mild and level.measured.high is None) else None
    if level.value.at_least(begins):
        return mild
    return table.band["upper-normal"] if above_normal else None


def _concerns_us(chart: Chart, situation: Situation) -> bool:
    """A cancer, a metastasis, a lesion panel or a bone-modifying agent is on record (ruling 47)."""
    return bool(cancer(chart) or chart.all(Lesion) or bone_modifying(chart, situation))


def _notes(level: Calcium, band: Band, symptomatic: bool, asked: bool, chart: Chart) -> list[str]:
    notes = ["correction"] if level.albumin else []
    if level.kind == UNCORRECTED:
        notes.append("uncorrected")
    if not level.value.exact:
        notes.append("range")
    if band.name == "upper-normal":
        return notes
    if symptomatic:
        notes.append("symptomatic")
    elif not asked:
        notes.append("ask_symptoms")
    if any(record.status == "active" for record in chart.any(DrugRecord, *RAISES_CALCIUM)):
        notes.append("supplements")
    if band.name != "mild":
        notes.append("label")
    return notes
