"""Jaw osteonecrosis, coded or seen, while a bone-modifying agent goes on or is being ordered."""

from __future__ import annotations

from typing import Any

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import BONE_METASTASIS
from cards.facts.exposure import ACTIVE, DENOSUMAB, bone_modifying
from cards.facts.ordered import agent, drafted_doses
from cards.facts.radiotherapy import given
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

EXPOSED = "exposed-jaw-bone"


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Problem, Assessment, DrugRecord, ProcedureRecord])
def onj_manage(chart: Chart, situation: Situation, table: Table) -> Advices:
    exposure = _exposure(chart, situation)
    if exposure is None:
        return
    name, record = exposure
    facts: dict[str, Any] = {"about": name, "drug": drug(name)}
    coded = [entry for entry in chart.all(Problem, "onj") if entry.present and entry.certainty != "refuted"]
    seen = _exposed(chart)
    if coded or _lasting(seen, table):
        notes = ["differential"] if _other_explanation(chart) else []
        notes += ["rebound"] if name == DENOSUMAB else []
        yield table.advise("osteonecrosis", used=[*coded[-1:], *seen[:1], *seen[1:][-1:], record], notes=notes, **facts)
    elif seen:
        yield table.advise("exposed", used=[seen[-1], record], **facts)


def _exposure(chart: Chart, situation: Situation) -> tuple[str, Finding | None] | None:
    """The agent being ordered, else the one that goes on."""
    for draft in drafted_doses(situation):
        return agent(draft), draft
    if situation.hook == PATIENT_VIEW:
        for course in bone_modifying(chart, situation):
            if course.status == ACTIVE:
                return course.drug, course.last
    return None


def _exposed(chart: Chart) -> list[Assessment]:
    """Exposed jaw bone as recorded since it was last seen covered, oldest first."""
    found: list[Assessment] = []
    for assessment in chart.all(Assessment, EXPOSED):
        found = [*found, assessment] if assessment.value is True else []
    return found


def _lasting(seen: list[Assessment], table: Table) -> bool:
    """Exposed for longer than the criterion asks, by the first and the last finding (ruling 20)."""
    first, last = (seen[0].evidence.when, seen[-1].evidence.when) if seen else (None, None)
    return bool(first and last and (last.first - first.last).days > table.days("exposed_for"))


def _other_explanation(chart: Chart) -> bool:
    """A metastasis or radiotherapy of the jaw: then the criteria of drug-related osteonecrosis are not met."""
    problems = [entry for entry in chart.any(Problem, *BONE_METASTASIS) if entry.certainty != "refuted"]
    places = [site for entry in problems for site in entry.sites]
    places += [site for record in given(chart) for site in record.sites]
    return any(site.inside("jaw") for site in places) or bool(chart.all(Problem, "onj-differential"))
