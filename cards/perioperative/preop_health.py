"""Spine surgery for metastases: are blood count, clotting and nutrition known?"""

from __future__ import annotations

from cards.advisory import APPOINTMENT_BOOK, ORDER_SIGN, Advices, advisory
from cards.facts.surgery import SPINE, drafted_surgery
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from cards.words import name_of
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.procedures import ProcedureRecord

WANTED = ("haemoglobin", "platelets", "wbc", "inr", "albumin-serum")  # blood count, clotting, nutrition


@advisory(hooks=[APPOINTMENT_BOOK, ORDER_SIGN], reads=[Lab, ProcedureRecord])
def preop_health(chart: Chart, situation: Situation, table: Table) -> Advices:
    surgery = drafted_surgery(situation, SPINE)
    if surgery is None:
        return
    days = int(situation.setting("lab_max_age_days"))
    absent = [name for name in WANTED if chart.lacks(Lab, name, within_days=days)]
    if not absent:
        return
    looked_for = [chart.latest(Lab, name, within_days=days) for name in WANTED]
    yield table.advise(
        "missing",
        used=[surgery, *(lab for lab in looked_for if lab)],
        missing=[lab for lab in looked_for if isinstance(lab, Missing) and lab.name in absent],
        items=listed(name_of(name) for name in absent),
    )
