"""How many bone metastases there are: one, several, or not known."""

from __future__ import annotations

import msgspec

from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart, derived
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion

SOLITARY, MULTIPLE = "solitary", "multiple"


class Extent(msgspec.Struct, frozen=True):
    """``kind``: solitary or multiple, None when it is not known; ``used``: what it rests on."""

    kind: str | None = None
    used: tuple[Finding, ...] = ()


@derived
def extent(chart: Chart) -> Extent:
    """As recorded, else by the recorded counts, else several when several lesions are assessed.

    One assessed lesion does not say that there is only one.
    """
    recorded = chart.latest(Assessment, "bone-metastases-extent")
    lesions = chart.all(Lesion)
    if recorded:
        return Extent(str(recorded.value), (recorded,))
    counts = [chart.latest(Assessment, name) for name in ("extraspinal-bone-metastases", "vertebral-metastases")]
    known = [count for count in counts if isinstance(count, Assessment)]
    total = sum(count.number.lo for count in known)
    if total > 1:
        return Extent(MULTIPLE, tuple(known))
    if len(known) == len(counts) and total == 1 and len(lesions) <= 1 and all(count.number.exact for count in known):
        return Extent(SOLITARY, tuple(known))
    return Extent(MULTIPLE, tuple(lesions)) if len(lesions) > 1 else Extent()
