"""What a bone-modifying agent is for, where it is not the metastasis."""

from __future__ import annotations

from collections.abc import Iterable

from cards.facts.exposure import DENOSUMAB, OSTEOPOROSIS, OTHER_USE, product
from cards.situation import Situation
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.medications import DrugRecord

OTHER_REASONS = ("osteoporosis", "hypercalcaemia", "giant-cell-tumour-of-bone")
OTHER_PRODUCTS = frozenset(("med-alendronate", "med-risedronate", "med-zoledronic-acid-5"))  # osteoporosis products


def for_another_reason(chart: Chart, situation: Situation, records: Iterable[DrugRecord]) -> bool:
    """The order, the product or the problem list says that the agent is for something other than a metastasis."""
    known = list(records)
    if any(record.reasons & set(OTHER_REASONS) or record.concepts & OTHER_PRODUCTS for record in known):
        return True
    if any(problem.present and problem.certainty == "confirmed" for problem in chart.any(Problem, *OTHER_REASONS)):
        return True
    denosumab = [record for record in known if DENOSUMAB in record.concepts]
    return bool(denosumab) and product(chart, situation, denosumab) in (OSTEOPOROSIS, OTHER_USE)
