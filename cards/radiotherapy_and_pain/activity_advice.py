"""A bone at risk: has anyone told the patient how to move, lift and not to fall?"""

from __future__ import annotations

from cards.advice import Advice, severity
from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.long_bones import fracture_of
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

RISKS = ("mirels", "sins", "long-bone-surgery")
ADVICE = "proc-fracture-prevention"


@advisory(hooks=[PATIENT_VIEW], reads=[Lesion, ProcedureRecord, Problem], asks=RISKS)
def activity_advice(chart: Chart, situation: Situation, table: Table) -> Advices:
    whole = [lesion for lesion in chart.all(Lesion) if not fracture_of(chart, lesion)]
    at_risk = [(lesion, risks) for lesion in whole if (risks := _risks(lesion, situation))]
    if not at_risk or not chart.lacks(ProcedureRecord, ADVICE, within_days=table.days("recent")):
        return
    at_risk.sort(key=lambda pair: severity(pair[1][0]))
    used = [finding for _, risks in at_risk for finding in risks[0].used]
    places = [lesion_place(lesion) for lesion, _ in at_risk]
    where = joined(places) if len(places) <= table.days("named") else table.line("places", count=len(places))
    yield table.advise("undocumented", used=[diagnosis(chart).problem, *used], where=where)


def _risks(lesion: Lesion, situation: Situation) -> list[Advice]:
    """What says that this bone may break: scores and criteria that call for more than attention, the worst first."""
    said = [advice for name in RISKS for advice in situation.said(name, about=lesion.key)]
    return sorted((advice for advice in said if advice.indicator != "info"), key=severity)
