"""A complex case: has a multidisciplinary team seen it?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.situation import Situation
from cards.table import Table
from cards.text import joined, listed
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

EN_BLOC = "proc-en-bloc-spondylectomy"
SURGERY = ("proc-spine-surgery", "proc-long-bone-fixation")
REVIEW = "proc-mdt-review"
PELVIS = ("pelvis-acetabulum", "pelvis-other")
HURTING_AGAIN = ("moderate", "functional")

Reason = tuple[str, Finding]


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Lesion, ProcedureRecord, Problem])
def mdt_referral(chart: Chart, situation: Situation, table: Table) -> Advices:
    if situation.ordering and not situation.drafted(ProcedureRecord, *SURGERY):
        return
    reasons = list(_complex(chart, situation))
    if not reasons or not chart.lacks(ProcedureRecord, REVIEW, within_days=table.days("recent")):
        return
    words = [table.word[name] for name in dict.fromkeys(name for name, _ in reasons)]
    used = {id(finding): finding for _, finding in reasons}
    yield table.advise(
        "no-review",
        used=[diagnosis(chart).problem, *used.values()],
        lines=[table.line("because", reasons=joined(words))],
        reason=listed(words),
    )


def _complex(chart: Chart, situation: Situation) -> Iterator[Reason]:
    """What makes it complex, and the finding that says so."""
    planned = [record for record in chart.all(ProcedureRecord, EN_BLOC) if record.state == "planned"]
    for record in (*planned, *situation.drafted(ProcedureRecord, EN_BLOC)):
        yield "en_bloc", record
    lesions = chart.all(Lesion)
    for lesion in lesions:
        if _sacral(lesion):
            yield "sacrum", lesion
        elif (lesion.text("lesion-region") or lesion.site.region) in PELVIS:
            yield "pelvis", lesion
        if _recurrent(lesion):
            yield "recurrent", lesion
    levels = {lesion.site.level: lesion for lesion in lesions if lesion.site.level}
    if len(levels) > 1:
        yield from (("levels", lesion) for lesion in levels.values())
    for problem in chart.all(Problem, "primary-unknown"):
        if problem.present and problem.certainty == "confirmed":
            yield "primary", problem


def _sacral(lesion: Lesion) -> bool:
    return lesion.site.bone == "sacrum" or (lesion.site.level or "").startswith("S")


def _recurrent(lesion: Lesion) -> bool:
    """Treated before, and it hurts again."""
    again = lesion.text("lesion-pain") in HURTING_AGAIN
    treated = lesion.yes("prior-surgery") or lesion.yes("prior-radiotherapy")
    return lesion.yes("pain-after-radiotherapy") or (treated and again)
