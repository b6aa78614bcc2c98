"""What imaging says about the skeleton as a whole: destruction seen, or a positive scan that was disproved."""

from __future__ import annotations

from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart, derived
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

CONFIRMING = ("ct", "mri", "x-ray", "pet-ct")
NEGATIVE = ("negative", "no-destruction")


@derived
def destruction(chart: Chart) -> Imaging | None:
    """The latest image on which bone destruction was seen."""
    seen = [image for image in chart.any(Imaging, *CONFIRMING) if image.value == "destruction"]
    return seen[-1] if seen else None


@derived
def disproved(chart: Chart) -> Imaging | None:
    """The later negative CT or MRI that disproves a positive bone scan (ruling 18), None without one.

    It counts when it is of the same site or of the whole skeleton, no image shows destruction and no bone biopsy is on
    record.
    """
    if destruction(chart) or chart.any(ProcedureRecord, "bone-biopsy", "proc-bone-biopsy"):
        return None
    scans = [scan for scan in chart.all(Imaging, "bone-scan") if scan.value == "positive"]
    for image in reversed(chart.any(Imaging, "ct", "mri")):
        if image.value in NEGATIVE and any(_answers(image, scan) for scan in scans):
            return image
    return None


def _answers(image: Imaging, scan: Imaging) -> bool:
    later = image.evidence.when and scan.evidence.when and image.evidence.when.last >= scan.evidence.when.first
    return bool(later) and (image.site == Site() or same_place(image.site, scan.site))


def same_place(one: Site, other: Site) -> bool:
    """Two sites that do not contradict each other: same bone or region, same level, sides not opposite."""
    if one.level or other.level:
        return one.level == other.level
    sides_agree = one.side is None or other.side is None or one.side == other.side
    return sides_agree and (one.bone == other.bone or (one.region is not None and one.region == other.region))
