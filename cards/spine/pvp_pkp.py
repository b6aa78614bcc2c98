"""Vertebroplasty or kyphoplasty is drafted: is there a contraindication, and is the vertebra fit to hold cement?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.bleeding import bleeding
from cards.facts.diagnosis import CONFIRMED
from cards.facts.objections import Objection, drafted, object_to, target_lesions, unknown_items
from cards.situation import Situation
from cards.table import Table
from cards.text import Text
from cards.words import lesion_place, name_of
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

WALL, PEDICLE, GRADE = "posterior-wall-intact", "pedicle-involved", "escc-grade"
COLLAPSE, COLLAPSE_CLASS = "vertebral-collapse", "sins-collapse"
FRANKEL, NORMAL = "frankel-grade", "E"
DEFICITS = ("new-neurological-deficit", "progressive-neurological-deficit", "sphincter-disturbance")
COMPRESSION = ("spinal-cord-compression", "cauda-equina", "paraplegia-deficit")


@advisory(hooks=[ORDER_SIGN, APPOINTMENT_BOOK], reads=[ProcedureRecord, Lesion, Assessment, Problem, Lab])
def pvp_pkp(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-vertebroplasty", "proc-kyphoplasty")
    if not drafts:
        return
    lesions = target_lesions(chart, drafts)
    clotting = bleeding(chart, situation)
    objections = [
        *_contraindications(chart, situation, table),
        *(objection for lesion in lesions for objection in _vertebra(lesion, table)),
        *_stance(table),
    ]
    missing = [
        *unknown_items(chart, lesions, WALL, PEDICLE, GRADE),
        *_collapse_unknown(chart, lesions),
        *clotting.missing,
    ]
    yield from object_to(drafts, objections, missing, table, notes=["by_hand"])


def _contraindications(chart: Chart, situation: Situation, table: Table) -> Iterator[Objection]:
    clotting = bleeding(chart, situation)
    limits = situation.table("bleeding")
    for name, lab in (("inr", clotting.inr), ("platelets", clotting.platelets)):
        if lab is not None:
            yield Objection(name, "contraindicated", (lab,), {"value": lab.value, "limit": limits.number(name)})
    if clotting.disorder is not None:
        yield Objection("bleeding_disorder", "caution", (clotting.disorder,))
    for problem in _present(chart, "infection-spine-or-blood")[-1:]:
        yield Objection("infection", "contraindicated", (problem,))
    for finding in _deficits(chart):
        yield Objection("deficit", "contraindicated", (finding,), {"sign": _sign(finding, table)})
    pregnant = chart.latest(Assessment, "pregnant", within_days=table.days("pregnancy"))
    expecting: list[Finding] = [pregnant] if pregnant and pregnant.value is True else []
    for finding in [*expecting, *_present(chart, "pregnancy")][:1]:
        yield Objection("pregnancy", "contraindicated", (finding,))


def _vertebra(lesion: Lesion, table: Table) -> Iterator[Objection]:
    where = {"level": lesion_place(lesion)}
    grade = lesion.text(GRADE)
    if grade in table.choice("compressing"):
        yield Objection("compression", "contraindicated", (lesion.items[GRADE],), where | {"grade": grade})
    elif grade in table.choice("epidural"):
        yield Objection("epidural", "caution", (lesion.items[GRADE],), where | {"grade": grade})
    if lesion.value(WALL) is False:
        yield Objection("wall", "caution", (lesion.items[WALL],), where)
    if lesion.yes(PEDICLE):
        yield Objection("pedicle", "caution", (lesion.items[PEDICLE],), where)
    collapse = lesion.number(COLLAPSE)
    if collapse is not None and collapse.at_least(table.number("collapse")):
        yield Objection("collapse", "caution", (lesion.items[COLLAPSE],), where)
    elif lesion.text(COLLAPSE_CLASS) in table.choice("collapse_classes"):
        yield Objection("collapse", "caution", (lesion.items[COLLAPSE_CLASS],), where)


def _stance(table: Table) -> Iterator[Objection]:
    """A site that follows the older guidance is told so at every order."""
    if table.choice("stance") == table.choice("doubtful_stance"):
        yield Objection("doubtful", "doubtful")


def _collapse_unknown(chart: Chart, lesions: list[Lesion]) -> list[Missing]:
    """The collapse counts as known by its percentage or by its class."""
    unclassed = [lesion for lesion in lesions if not lesion.item(COLLAPSE_CLASS)]
    return unknown_items(chart, unclassed, COLLAPSE) if unclassed or not lesions else []


def _deficits(chart: Chart) -> list[Finding]:
    """A present deficit by grade, by item or by diagnosis; each item by its latest answer."""
    grade = chart.latest(Assessment, FRANKEL)
    found: list[Finding] = [grade] if grade and grade.value != NORMAL else []
    items = [chart.latest(Assessment, name) for name in DEFICITS]
    found += [item for item in items if item and item.value is True]
    return found + [problem for name in COMPRESSION for problem in _present(chart, name)[-1:]]


def _sign(finding: Finding, table: Table) -> Text:
    """What the deficit is called, with its grade where it has one."""
    name = table.word.get(finding.name) or name_of(finding.name)
    grade = finding.value if isinstance(finding, Assessment) and isinstance(finding.value, str) else ""
    return Text(f"{name.en} {grade}".strip(), f"{name.zh} {grade}".strip())


def _present(chart: Chart, name: str) -> list[Problem]:
    return [problem for problem in chart.all(Problem, name) if problem.present and problem.certainty == CONFIRMED]
