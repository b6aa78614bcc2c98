"""Pain that lasts, pain that simple analgesics do not relieve, a lump: who should see this patient?"""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import BONE_METASTASIS, CANCER, CONFIRMED, diagnosis
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem

DURATION, RELIEVED, LUMP = "pain-duration", "pain-relieved-by-simple-analgesics", "palpable-lump"


@advisory(hooks=[PATIENT_VIEW], reads=[Assessment, Problem], asks=["spine-emergency"])
def redflag_pain(chart: Chart, situation: Situation, table: Table) -> Advices:
    if diagnosis(chart).confirmed or situation.said("spine-emergency"):
        return
    flags = _flags(chart, situation, table)
    if not flags:
        return
    cancer = _known_cancer(chart)
    duration = flags.get("persistent")
    yield table.advise(
        "known-cancer" if cancer else "no-known-cancer",
        used=[*flags.values(), cancer],
        signs=joined(table.line(name, days=duration.number if duration else "") for name in flags),
    )


def _flags(chart: Chart, situation: Situation, table: Table) -> dict[str, Assessment]:
    """Each red flag that is surely there, by its row under ``[note]``."""
    days = situation.table("work_up").days("findings")
    duration, relieved, lump = (chart.latest(Assessment, name, within_days=days) for name in (DURATION, RELIEVED, LUMP))
    found: dict[str, Assessment] = {}
    if duration and duration.number.at_least(table.number("persistent")):
        found["persistent"] = duration
    if relieved and relieved.value is False:
        found["not_relieved"] = relieved
    if lump and lump.value is True:
        found["lump"] = lump
    return found


def _known_cancer(chart: Chart) -> Problem | None:
    """A confirmed cancer, present or past; a suspected metastasis alone is none."""
    found = [problem for problem in chart.any(Problem, *CANCER, *BONE_METASTASIS) if problem.certainty == CONFIRMED]
    return found[-1] if found else None
