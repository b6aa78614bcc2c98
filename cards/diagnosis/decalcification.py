"""A bone biopsy with molecular or receptor tests: will the decalcification leave anything to test?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.pathology import BIOPSY
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.procedures import ProcedureRecord

TESTS = frozenset(
    (
        *("estrogen-receptor", "progesterone-receptor", "her2"),
        *("egfr-mutation", "genetic-variant-assessment", "gene-egfr", "gene-stk11", "gene-keap1", "gene-met"),
        *("egfr", "stk11", "keap1", "met"),
    )
)


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord])
def decalcification(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = situation.drafted(ProcedureRecord)
    biopsies = [draft for draft in drafts if BIOPSY in draft.concepts]
    tests = [draft for draft in drafts if (draft.concepts | draft.reasons) & TESTS]
    if biopsies and tests:
        yield table.advise("edta", used=dict.fromkeys([*biopsies, *tests]))
