"""Laminectomy without fixation is drafted: does it take away what still holds a diseased vertebra?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.local_treatment import AHEAD, records
from cards.facts.objections import drafted, target_lesions, unknown_items
from cards.facts.vertebra import POSTERIOR, in_body, part_items, posterior_only
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

FIXATION = "proc-spine-fixation"
STABILISING = (FIXATION, "proc-separation-surgery", "proc-en-bloc-spondylectomy")


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion])
def laminectomy(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-laminectomy")
    if not drafts or any(record.state in AHEAD for record in records(chart, situation, *STABILISING)):
        return
    lesions = target_lesions(chart, drafts)
    if lesions and all(posterior_only(lesion, situation) for lesion in lesions):
        return
    fixation = chart.latest(ProcedureRecord, FIXATION)
    missing = [fixation] if isinstance(fixation, Missing) and not fixation.known_absent else []
    body = next((lesion for lesion in lesions if in_body(lesion, situation)), None)
    if body is not None:
        yield table.advise("body", used=[*drafts, *part_items(body)], missing=missing, level=lesion_place(body))
    else:
        missing += unknown_items(chart, lesions, POSTERIOR)[:1]
        yield table.advise("unclear", indicator=None if lesions else "info", used=drafts, missing=missing)
