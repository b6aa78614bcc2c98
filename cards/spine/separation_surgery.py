"""Separation surgery is drafted: is this the tumour for it, and is the radiotherapy planned that gives it its sense?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.diagnosis import primary_sites
from cards.facts.local_treatment import AHEAD, records
from cards.facts.objections import Objection, drafted, object_to, target_lesions, unknown_items
from cards.facts.radiosensitivity import SENSITIVE, UNKNOWN, radiosensitivity
from cards.facts.radiotherapy import RADIOTHERAPY, STEREOTACTIC
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place, name_of
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

GRADE, PLAN = "escc-grade", "stereotactic-radiosurgery"


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion, Problem])
def separation_surgery(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-separation-surgery")
    if not drafts:
        return
    lesions = target_lesions(chart, drafts)
    found = [*_grade(chart, lesions, table), *_tumour(chart, situation, table), *_radiotherapy(chart, situation)]
    objections = [each for each in found if isinstance(each, Objection)]
    missing = [each for each in found if isinstance(each, Missing)]
    notes = ["conflict"] if any(each.name == "hypervascular" for each in objections) else []
    notes += ["sensitivity_unknown"] if radiosensitivity(chart, situation).answer == UNKNOWN else []
    yield from object_to(drafts, objections, missing, table, notes=notes)


def _grade(chart: Chart, lesions: list[Lesion], table: Table) -> Iterator[Objection | Missing]:
    """The highest grade on record decides; one that is high enough objects to nothing."""
    low, uncertain = table.choice("low_grades"), table.choice("uncertain_grades")
    graded = [lesion for lesion in lesions if lesion.text(GRADE)]
    if any(lesion.text(GRADE) not in (*low, *uncertain) for lesion in graded):
        return
    yield from unknown_items(chart, lesions, GRADE)
    for lesion in graded:
        values = {"grade": lesion.text(GRADE), "level": lesion_place(lesion)}
        if lesion.text(GRADE) in uncertain:
            yield Objection("uncertain_grade", "consider", (lesion.items[GRADE],), values)
        elif not any(other.text(GRADE) in uncertain for other in graded):
            yield Objection("low_grade", "check", (lesion.items[GRADE],), values)


def _tumour(chart: Chart, situation: Situation, table: Table) -> Iterator[Objection]:
    tumour = radiosensitivity(chart, situation)
    if tumour.answer == SENSITIVE:
        yield Objection("radiosensitive", "check", tumour.used)
    for site, problem in primary_sites(chart).items():
        if f"primary-{site}" in table.choice("hypervascular"):
            yield Objection("hypervascular", "check", (problem,), {"primary": name_of(f"primary-{site}")})


def _radiotherapy(chart: Chart, situation: Situation) -> Iterator[Objection | Missing]:
    """Stereotactic radiotherapy that lies ahead; one whose technique is not told is asked about."""
    plans = [record for record in records(chart, situation, RADIOTHERAPY, STEREOTACTIC) if record.state in AHEAD]
    if any(STEREOTACTIC in plan.concepts for plan in plans):
        return
    gap = chart.gap(ProcedureRecord)
    if plans:
        yield Objection("technique", "consider", (plans[-1],))
    elif gap is not None:
        yield Missing(PLAN, gap)
    else:
        yield Objection("no_plan", "check")
