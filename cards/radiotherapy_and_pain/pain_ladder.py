"""Pain and analgesics: does the step of the ladder match the pain, and is the anti-inflammatory safe for the kidney?"""

from __future__ import annotations

import msgspec

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import ACTIVE, UNKNOWN, Course, bisphosphonates, course
from cards.facts.pain import pain
from cards.facts.renal import clearance
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord

OPIOID, STRONG_OPIOID, WEAK_OPIOID, NSAID = "med-opioid-any", "med-opioid-strong", "med-opioid-weak", "med-nsaid"
NEUROPATHIC = ("radicular",)


class Opioid(msgspec.Struct, frozen=True):
    """Which step is taken, and the record that says so.

    ``strong`` ``weak`` ``unstaged`` (an opioid of no listed step) ``unclear`` (an order too old to tell) ``none``.
    """

    step: str
    record: DrugRecord | None = None


@advisory(hooks=[PATIENT_VIEW], reads=[Assessment, DrugRecord, Lab, Problem])
def pain_ladder(chart: Chart, situation: Situation, table: Table) -> Advices:
    yield from _step(chart, situation, table)
    yield from _nsaid(chart, situation, table)


def _step(chart: Chart, situation: Situation, table: Table) -> Advices:
    score = pain(chart, situation)
    if not score or not score.number.at_least(table.number("moderate")):
        return
    opioid = _opioid(chart, situation)
    severe = score.number.at_least(table.number("severe")) is True
    if opioid is None or opioid.step in ("strong", "unstaged") or (opioid.step == "weak" and not severe):
        return
    band = {"none": "severe" if severe else "moderate", "weak": "weak-opioid", "unclear": "unclear"}[opioid.step]
    notes = ["neuropathic"] if _neuropathic(chart) else []
    yield table.advise(band, used=[score, opioid.record], notes=notes, pain=score.number)


def _opioid(chart: Chart, situation: Situation) -> Opioid | None:
    """The highest step surely taken; None when it cannot be known that there is none."""
    for step, concept in (("strong", STRONG_OPIOID), ("weak", WEAK_OPIOID), ("unstaged", OPIOID)):
        taken = course(chart, situation, concept)
        if taken.status == ACTIVE:
            return Opioid(step, taken.last)
    taken = course(chart, situation, OPIOID)
    if taken.status == UNKNOWN:
        return Opioid("unclear", taken.last)
    known = chart.gap(DrugRecord) is None if taken.records else chart.lacks(DrugRecord, OPIOID)
    return Opioid("none") if known else None


def _neuropathic(chart: Chart) -> bool:
    pattern = chart.latest(Assessment, "pain-pattern")
    coded = any(problem.present for problem in chart.all(Problem, "neuropathic-pain"))
    return coded or bool(pattern and pattern.value in NEUROPATHIC)


def _nsaid(chart: Chart, situation: Situation, table: Table) -> Advices:
    """An anti-inflammatory with a low clearance, or beside a bisphosphonate."""
    taken = course(chart, situation, NSAID)
    if taken.status != ACTIVE:
        return
    kidney = clearance(chart, situation)
    low = kidney.value is not None and kidney.value.below(table.number("clearance"))
    beside = _bisphosphonate(chart, situation)
    if low:
        notes = ["beside"] if beside else []
        used = [taken.last, *kidney.used, beside.last if beside else None]
        name = drug(beside.drug) if beside else ""
        yield table.advise("nsaid-clearance", used=used, notes=notes, clearance=kidney.shown, drug=name)
    elif beside:
        unknown: tuple[Missing, ...] = kidney.missing if kidney.value is None else ()
        yield table.advise(
            "nsaid-bisphosphonate", used=[taken.last, beside.last], missing=unknown, drug=drug(beside.drug)
        )


def _bisphosphonate(chart: Chart, situation: Situation) -> Course | None:
    active = [taken for taken in bisphosphonates(chart, situation).values() if taken.status == ACTIVE]
    return active[-1] if active else None
