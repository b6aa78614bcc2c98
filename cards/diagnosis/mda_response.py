"""New sclerosis during therapy: healing, flare, or progression?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis, primary_sites
from cards.facts.exposure import BONE_MODIFYING
from cards.facts.regimen import SYSTEMIC, began, days_between
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from cards.words import value_of
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import NOT_RECORDED, Finding, Missing
from fhir_mappings.medications import DrugRecord

RESPONSE, PAIN = "bone-response", "pain-severity"
RIM, NEW_BLASTIC = "sclerotic-rim", "new-blastic"
AGAINST_HEALING = ("new-lytic", "soft-tissue-growth")


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Imaging, Assessment, Problem, DrugRecord])
def mda_response(chart: Chart, situation: Situation, table: Table) -> Advices:
    if situation.signing and not situation.drafted(DrugRecord, SYSTEMIC):
        return
    seen = _latest_responses(chart, table)
    if not {RIM, NEW_BLASTIC} & seen.keys() or not diagnosis(chart).confirmed:
        return
    therapy = _therapy(chart, seen)
    if therapy is None and chart.gap(DrugRecord):
        return  # whether anything was given that could have worked is not known
    pain = _pain(chart, table)
    worse, doubts = _worse(pain), _doubts(seen, therapy, chart)
    prostate = primary_sites(chart).get("prostate")
    yield table.advise(
        _band(seen, doubts or worse),
        used=[*seen.values(), *pain, therapy, prostate],
        missing=[] if len(pain) > 1 else [Missing("pain-over-time", chart.gap(Assessment) or NOT_RECORDED)],
        notes=["seen", *doubts, *(["pain"] if worse else [])],
        seen=joined(value_of(value) for value in seen),
    )


def _latest_responses(chart: Chart, table: Table) -> dict[str, Imaging]:
    """What was seen on the latest day of assessment; all values of that day count (ruling 26)."""
    latest = chart.latest(Imaging, RESPONSE, within_days=table.days("recent"))
    if not latest or latest.evidence.when is None:
        return {}
    day = latest.evidence.when.last
    same_day = [one for one in chart.all(Imaging, RESPONSE) if one.evidence.when and one.evidence.when.last == day]
    return {one.value: one for one in same_day}


def _therapy(chart: Chart, seen: dict[str, Imaging]) -> DrugRecord | None:
    """The latest systemic drug or bone-modifying agent begun before the assessment: what could have made bone heal."""
    assessed = max((one.evidence.when for one in seen.values() if one.evidence.when), key=lambda when: when.order)
    begun = [(began(record), record) for record in chart.any(DrugRecord, SYSTEMIC, *BONE_MODIFYING)]
    before = [record for when, record in begun if when and days_between(when, assessed).at_least(0) is not False]
    return before[-1] if before else None


def _doubts(seen: dict[str, Imaging], therapy: Finding | None, chart: Chart) -> list[str]:
    """What speaks against healing, by its row under ``[note]``."""
    found = [value.replace("-", "_") for value in AGAINST_HEALING if value in seen]
    if therapy is None:
        found.append("no_therapy")
    if NEW_BLASTIC in seen and "prostate" in primary_sites(chart):
        found.append("prostate")
    return found


def _pain(chart: Chart, table: Table) -> list[Assessment]:
    """The latest pain score and the one before it."""
    if not chart.latest(Assessment, PAIN, within_days=table.days("recent")):
        return []
    return chart.all(Assessment, PAIN)[-2:]


def _worse(pain: list[Assessment]) -> bool:
    """The latest score is surely above the one before."""
    return len(pain) > 1 and pain[1].number.lo > pain[0].number.hi


def _band(seen: dict[str, Imaging], doubtful: object) -> str:
    if doubtful:
        return "uncertain"
    return "healing" if NEW_BLASTIC in seen else "rim"
