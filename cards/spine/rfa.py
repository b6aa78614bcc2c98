"""Radiofrequency ablation at the spine is drafted: is the target far enough from the cord?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.ablation import clotting, diagnoses, for_bone, of_spine
from cards.facts.objections import Objection, drafted, object_to, target_lesions, unknown_items
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import UNREADABLE, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

DISTANCE, WALL = "cord-distance", "posterior-wall-intact"
COLLAPSE, COLLAPSE_CLASS, GRADE = "vertebral-collapse", "sins-collapse", "escc-grade"


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion, Problem, Lab])
def rfa(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-radiofrequency-ablation")
    if not drafts or not for_bone(chart, drafts):
        return
    lesions = target_lesions(chart, drafts)
    objections = [objection for lesion in lesions for objection in _vertebra(lesion, table)]
    objections += clotting(chart, situation)
    objections += diagnoses(chart, infection="infection-spine-or-blood", organ_failure="organ-failure")
    missing = list(_distance_unknown(chart, lesions, table)) if of_spine(chart, drafts) else []
    if missing:
        objections.append(Objection("unknown_distance", "unknown", values={"limit": table.number("distance")}))
    yield from object_to(drafts, objections, missing, table, notes=["by_hand"], limit=table.number("distance"))


def _vertebra(lesion: Lesion, table: Table) -> Iterator[Objection]:
    where = {"level": lesion_place(lesion)}
    distance = lesion.number(DISTANCE)
    if distance is not None and distance.at_most(table.number("distance")):
        values = where | {"distance": distance, "limit": table.number("distance")}
        yield Objection("distance", "contraindicated", (lesion.items[DISTANCE],), values)
    if lesion.value(WALL) is False:
        yield Objection("wall", "caution", (lesion.items[WALL],), where)
    collapse = lesion.number(COLLAPSE)
    if collapse is not None and collapse.at_least(table.number("collapse")):
        yield Objection("destruction", "caution", (lesion.items[COLLAPSE],), where)
    elif lesion.text(COLLAPSE_CLASS) in table.choice("collapse_classes"):
        yield Objection("destruction", "caution", (lesion.items[COLLAPSE_CLASS],), where)
    if lesion.text(GRADE) in table.choice("compressing"):
        yield Objection("compression", "caution", (lesion.items[GRADE],), where | {"grade": lesion.text(GRADE)})


def _distance_unknown(chart: Chart, lesions: list[Lesion], table: Table) -> Iterator[Missing]:
    """A distance nobody recorded, or one known only within a range that straddles the limit."""
    yield from unknown_items(chart, lesions, DISTANCE)
    for lesion in lesions:
        distance = lesion.number(DISTANCE)
        if distance is not None and distance.at_most(table.number("distance")) is None:
            yield Missing(DISTANCE, UNREADABLE, lesion.items[DISTANCE].evidence.reference)
