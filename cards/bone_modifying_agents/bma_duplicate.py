"""Two bone-modifying agents at the same time: which single one is intended?"""

from __future__ import annotations

from itertools import combinations

import msgspec

from cards.advice import at_most
from cards.advisory import ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import (
    ACTIVE,
    BISPHOSPHONATE,
    BISPHOSPHONATES,
    BONE_MODIFYING,
    DENOSUMAB,
    STOPPED,
    UNKNOWN,
    Course,
    bone_modifying,
    denosumab,
)
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Missing
from fhir_mappings.medications import DrugRecord
from fhir_mappings.when import When

DRAFTED_STOP = ("stopped", "cancelled", "completed")


class Agent(msgspec.Struct, frozen=True):
    """One agent as it stands when this order is signed: active or of unknown status; ``ordered``: an order says so."""

    drug: str
    status: str
    ordered: bool
    records: tuple[DrugRecord, ...]

    @property
    def last(self) -> When | None:
        dated = [record.evidence.when for record in self.records if record.evidence.when and record.status != "draft"]
        return max(dated, key=lambda when: when.order, default=None)


@advisory(hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN], reads=[DrugRecord])
def bma_duplicate(chart: Chart, situation: Situation, table: Table) -> Advices:
    agents = _agents(chart, situation)
    for first, other in combinations(agents, 2):
        if UNKNOWN in (first.status, other.status):
            yield from _unsure(first, other, table)
        else:
            band = table.band["overlap" if first.drug == DENOSUMAB else "two-bisphosphonates"]
            unknown = _unknown_stops(chart, first, other)
            level = band.indicator_for(situation.hook)
            yield table.advise(
                band,
                indicator=at_most(level, "warning") if unknown else level,
                missing=unknown,
                used=[first.records[-1], other.records[-1]],
                notes=["choose", "no_stop"],
                about=f"{first.drug}+{other.drug}",
                first=drug(first.drug),
                other=drug(other.drug),
            )
    yield from _two_denosumab(agents, chart, situation, table)


def _agents(chart: Chart, situation: Situation) -> list[Agent]:
    """Every agent that is active, drafted or of unknown status, denosumab first; a drafted stop ends one."""
    courses = {course.drug: course for course in bone_modifying(chart, situation)}
    drafted = situation.drafted(DrugRecord, *BONE_MODIFYING)
    found = []
    for name in BONE_MODIFYING:
        drafts = [draft for draft in drafted if _is(draft, name)]
        if name not in courses and not drafts:
            continue
        course = courses.get(name, Course(name))
        status = _status(course, drafts)
        if status is not None:
            new = tuple(draft for draft in drafts if draft.status == "draft")
            found.append(Agent(name, status, course.order_active or bool(new), (*course.records, *new)))
    return found


def _is(draft: DrugRecord, name: str) -> bool:
    """A draft known by its class only is the class; a named one is not counted again under it."""
    return name in draft.concepts and (name != BISPHOSPHONATE or not draft.concepts & set(BISPHOSPHONATES))


def _status(course: Course, drafts: list[DrugRecord]) -> str | None:
    if any(draft.status == "draft" for draft in drafts):
        return ACTIVE
    if any(draft.status in DRAFTED_STOP for draft in drafts):
        return None
    if course.status == UNKNOWN:
        return UNKNOWN if course.order_active else None
    return None if course.status == STOPPED or not course.records else course.status


def _unknown_stops(chart: Chart, *agents: Agent) -> list[Missing]:
    """The agents that count as active by a recent dose alone, when the order that stops them may not have been had."""
    gap = chart.gap(DrugRecord)
    return [Missing(agent.drug, gap) for agent in agents if gap is not None and not agent.ordered]


def _unsure(first: Agent, other: Agent, table: Table) -> Advices:
    """An "active" entry that has not been given for long, beside another agent (rulings 16 and 41)."""
    if first.status == other.status:
        return
    unsure = [agent for agent in (first, other) if agent.status == UNKNOWN]
    older = unsure[0]
    yield table.advise(
        "which-is-current",
        used=[first.records[-1], other.records[-1]],
        notes=["choose"],
        about=f"{first.drug}+{other.drug}",
        first=drug(first.drug),
        other=drug(other.drug),
        older=drug(older.drug),
    )


def _two_denosumab(agents: list[Agent], chart: Chart, situation: Situation, table: Table) -> Advices:
    """60 mg and 120 mg: two products of one drug, both current: ordered, drafted, or given of late (ruling 41)."""
    doses = situation.table("exposure")
    both = {doses.number("osteoporosis_mg"), doses.number("oncology_mg")}
    for agent in agents:
        if agent.drug != DENOSUMAB or agent.status != ACTIVE:
            continue
        ordered = [record for record in agent.records if record.status in ("active", "draft")]
        given = _given_lately(chart, situation)
        if both <= {record.dose_mg for record in (*ordered, *given)}:
            gap = None if both <= {record.dose_mg for record in ordered} else chart.gap(DrugRecord)
            level = table.band["two-denosumab"].indicator_for(situation.hook)
            yield table.advise(
                "two-denosumab",
                indicator=at_most(level, "warning") if gap else level,
                missing=[Missing(DENOSUMAB, gap)] if gap else [],
                used=[*ordered, *given],
                notes=["no_stop"],
                about=DENOSUMAB,
            )


def _given_lately(chart: Chart, situation: Situation) -> list[DrugRecord]:
    """The doses of denosumab that keep it active by themselves, unless it was stopped."""
    course, within = denosumab(chart, situation), situation.table("exposure").number("dose_active")
    if course.documented_stop:
        return []
    dated = [(dose, dose.evidence.when) for dose in course.doses]
    return [dose for dose, when in dated if when is not None and when.days_before(chart.as_of).at_most(within)]
