"""Known cancer, no bone metastasis on record, and something that points to the bones: have they been looked at?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import CANCER_ONLY, CONFIRMED, SUSPECTED, cancer, diagnosis, primary_sites
from cards.facts.imaging import imaged_lately
from cards.facts.turnover import raised_alp
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.labs import Lab
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

NOT_RAISED = "upper-normal"  # the band of hypercalcemia for a value only just above the laboratory's limit


class Trigger(msgspec.Struct, frozen=True):
    """One thing that points to the bones: its row under ``[word]``, what it rests on, whether it makes it urgent."""

    name: str
    used: tuple[Finding, ...]
    urgent: bool = False


@advisory(
    hooks=[PATIENT_VIEW],
    reads=[Problem, Assessment, Lab, Lesion, Imaging, ProcedureRecord],
    asks=["spine-emergency", "hypercalcemia"],
)
def suspect_trigger(chart: Chart, situation: Situation, table: Table) -> Advices:
    if diagnosis(chart).status != CANCER_ONLY or situation.said("spine-emergency"):
        return
    triggers = list(_triggers(chart, situation))
    if not triggers:
        return
    if alp := raised_alp(chart, situation):
        triggers.append(Trigger("alp", (alp,)))  # alone it is alp-screen's (ruling 23)
    if imaged_lately(chart, situation) is not False:
        return
    sites = [site for site in primary_sites(chart) if f"prevalence-{site}" in table.word]
    yield table.advise(
        "urgent" if any(trigger.urgent for trigger in triggers) else "work-up",
        used=[*(finding for trigger in triggers for finding in trigger.used), cancer(chart)],
        notes=_notes(triggers, sites),
        trigger=joined(table.word[trigger.name] for trigger in triggers[: table.days("named")]),
        all=joined(table.word[trigger.name] for trigger in triggers),
        prevalence=joined(table.word[f"prevalence-{site}"] for site in sites),
    )


def _triggers(chart: Chart, situation: Situation) -> Iterator[Trigger]:
    """The most telling first; the raised ALP apart."""
    days = situation.table("work_up").days("findings")
    if fractures := _fractures(chart):
        yield Trigger("fracture", tuple(fractures), urgent=True)
    if measured := _hypercalcaemia(chart, situation):
        yield Trigger("hypercalcaemia", tuple(measured), urgent=True)
    symptoms = chart.latest(Assessment, "hypercalcemia-symptoms", within_days=days)
    if symptoms and symptoms.value is True and not measured:
        yield Trigger("symptoms", (symptoms,))
    if pain := _bone_pain(chart, days):
        yield Trigger("pain", tuple(pain))


def _fractures(chart: Chart) -> list[Finding]:
    broken = [lesion.items["fractured"] for lesion in chart.all(Lesion) if lesion.yes("fractured")]
    return [*_present(chart, "pathological-fracture"), *broken]


def _hypercalcaemia(chart: Chart, situation: Situation) -> list[Finding]:
    advices = [advice for advice in situation.said("hypercalcemia") if advice.name != NOT_RAISED]
    return [*(finding for advice in advices for finding in advice.used), *_present(chart, "hypercalcaemia")]


def _bone_pain(chart: Chart, days: int) -> list[Finding]:
    """A bone or back pain Condition, a pain score at a bone, or a recorded pattern of pain (ruling 23)."""
    found: list[Finding] = _present(chart, "bone-or-back-pain")
    scores = chart.all(Assessment, "pain-severity", within_days=days)
    found += [score for score in scores if score.site.known and score.number.above(0)][-1:]
    pattern = chart.latest(Assessment, "pain-pattern", within_days=days)
    return found + ([pattern] if pattern else [])


def _present(chart: Chart, concept: str) -> list[Finding]:
    return [
        problem
        for problem in chart.all(Problem, concept)
        if problem.present and problem.certainty in (CONFIRMED, SUSPECTED)
    ]


def _notes(triggers: list[Trigger], sites: list[str]) -> list[str]:
    notes = ["all"] if len(triggers) > 1 else []
    if any(trigger.name == "pain" for trigger in triggers):
        notes.append("neurology")
    return notes + (["prevalence"] if sites else [])
