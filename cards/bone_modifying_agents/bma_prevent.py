"""A bone-modifying agent ordered although no bone metastasis is on record: what is it for?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.diagnosis import BONE_METASTASIS, MYELOMA, cancer, diagnosis, primary_sites
from cards.facts.exposure import DENOSUMAB, denosumab
from cards.facts.indication import for_another_reason
from cards.facts.ordered import agent, calcium_is_high, drafted_doses, for_osteoporosis
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import UNREADABLE, Missing
from fhir_mappings.medications import DrugRecord

STATED = frozenset((*BONE_METASTASIS, *MYELOMA))


@advisory(hooks=[ORDER_SIGN], reads=[DrugRecord, Problem], asks=["hypercalcemia"])
def bma_prevent(chart: Chart, situation: Situation, table: Table) -> Advices:
    if diagnosis(chart).confirmed or calcium_is_high(situation):
        return
    for draft in drafted_doses(situation):
        if _explained(draft, chart, situation, table):
            continue
        if draft.has_reason and not draft.reasons:
            chart.unknown["indication"] = Missing("indication", UNREADABLE, draft.evidence.reference)
            continue
        sites = primary_sites(chart)
        band = "lung" if "lung" in sites else "breast" if "breast" in sites else "other"
        yield table.advise(band, used=[draft, cancer(chart)], about=agent(draft), drug=drug(agent(draft)))


def _explained(draft: DrugRecord, chart: Chart, situation: Situation, table: Table) -> bool:
    """The order, the product or the record says what it is for; or it follows denosumab, which is a reason."""
    if draft.reasons & STATED or for_another_reason(chart, situation, [draft]):
        return True
    if for_osteoporosis(draft, chart, situation):
        return True
    before = denosumab(chart, situation).days
    follows = before is not None and before.at_most(table.number("follow_on")) is not False
    return agent(draft) != DENOSUMAB and follows
