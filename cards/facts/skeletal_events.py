"""Skeletal-related events: fracture, cord compression, hypercalcaemia, radiotherapy of bone, bone surgery."""

from __future__ import annotations

from cards.facts.radiotherapy import given, of_bone
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.when import When

FRACTURES = ("pathological-fracture", "osteoporotic-fracture-trap", "vertebral-collapse-unspecified")
PAIN = "bone-or-back-pain"
EVENTS = ("pathological-fracture", "spinal-cord-compression", "hypercalcaemia")
SURGERY = (
    "proc-long-bone-fixation",
    "proc-spine-surgery",
    "proc-separation-surgery",
    "proc-laminectomy",
    "proc-en-bloc-spondylectomy",
)


def pain_or_fracture_since(chart: Chart, since: When | None) -> list[Finding]:
    """The newest present back or bone pain, or fracture, that came on or after the day; of any day without one."""
    problems: list[Finding] = [
        problem
        for problem in chart.any(Problem, PAIN, *FRACTURES)
        if problem.present and problem.certainty != "refuted"
    ]
    return [problem for problem in problems if since is None or _not_before(problem, since)][-1:]


def skeletal_events(chart: Chart) -> list[Finding]:
    """Every skeletal-related event on record with a date, oldest first."""
    problems = [problem for problem in chart.any(Problem, *EVENTS) if problem.certainty == "confirmed"]
    radiotherapy = [record for record in given(chart) if of_bone(record)]
    surgery = [record for record in chart.any(ProcedureRecord, *SURGERY) if record.state in ("done", "fulfilled")]
    dated = [event for event in (*problems, *radiotherapy, *surgery) if event.evidence.when is not None]
    return sorted(dated, key=lambda event: event.order)


def _not_before(finding: Finding, since: When) -> bool:
    return finding.evidence.when is not None and finding.evidence.when.last >= since.first
