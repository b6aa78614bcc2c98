"""The kind of back pain: mechanical pain asks for SINS, radicular pain for a neurological examination."""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.red_flags import ITEMS
from cards.facts.spine import EMERGENCY_BANDS, in_spine, spine_disease, spine_lesions, treated
from cards.situation import Situation
from cards.spine.sins import OWN_ITEMS, TOTAL
from cards.table import Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord


@advisory(hooks=[PATIENT_VIEW], reads=[Assessment, Lesion, Problem, ProcedureRecord], asks=["spine-emergency"])
def pain_type(chart: Chart, situation: Situation, table: Table) -> Advices:
    disease = spine_disease(chart)
    pattern = chart.latest(Assessment, "pain-pattern", within_days=table.days("recent"))
    if disease is None or isinstance(pattern, Missing) or (pattern.site.known and not in_spine(pattern.site)):
        return
    if any(advice.name in EMERGENCY_BANDS for advice in situation.said("spine-emergency")):
        return
    if pattern.value == "mechanical" and not _scored(chart) and not _not_to_be_scored(chart):
        yield table.advise("mechanical", used=[pattern, disease], missing=[Missing(TOTAL)])
    if pattern.value == "radicular":
        asked = [chart.latest(Assessment, item) for item in ITEMS]
        missing = [item for item in asked if isinstance(item, Missing)]
        yield table.advise("radicular", used=[pattern, disease], missing=missing)


def _scored(chart: Chart) -> bool:
    """SINS has been begun for a level of the spine; the type of the lesion alone begins none."""
    return any(item in lesion.items for lesion in spine_lesions(chart) for item in (*OWN_ITEMS, TOTAL))


def _not_to_be_scored(chart: Chart) -> bool:
    """Every level with a panel was operated or irradiated: SINS is not validated there (ruling 7)."""
    lesions = spine_lesions(chart)
    return bool(lesions) and all(treated(chart, lesion) is not None for lesion in lesions)
