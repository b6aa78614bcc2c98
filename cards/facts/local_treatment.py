"""Operations and radiotherapy over time: what was done, what is planned, what is being ordered at this moment."""

from __future__ import annotations

from cards.facts.diagnosis import BONE_METASTASIS, OTHER_METASTASES
from cards.situation import Situation
from fhir_mappings.chart import Chart
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.when import When

DONE = ("done", "fulfilled")
AHEAD = ("planned", "draft")

_OTHER_ORGANS = frozenset(OTHER_METASTASES) - {"secondary-cancer-any", "bone-marrow-metastasis"}


def records(chart: Chart, situation: Situation, *names: str) -> list[ProcedureRecord]:
    """Every record with any of the names, of the chart and of the drafts, oldest first; not one for another organ."""
    found = [*chart.any(ProcedureRecord, *names), *situation.drafted(ProcedureRecord, *names)]
    return [record for record in found if record.state in (*DONE, *AHEAD) and not _elsewhere(record)]


def days_between(earlier: When | None, later: When | None) -> Range | None:
    """Whole days from one to the other, negative the other way round; None when either has no date."""
    if earlier is None or later is None:
        return None
    return Range.of((later.first - earlier.last).days, (later.last - earlier.first).days)


def _elsewhere(record: ProcedureRecord) -> bool:
    """Its reason is a metastasis of brain, liver or another organ, and no bone is named."""
    for_bone = record.sites or record.reasons & set(BONE_METASTASIS)
    return not for_bone and bool(record.reasons & _OTHER_ORGANS)
