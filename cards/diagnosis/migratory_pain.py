"""Pain that wanders, and images that were negative: less typical of metastasis, but no proof against it."""

from __future__ import annotations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.imaging import CONFIRMING, NEGATIVE, destruction, images_after, positive_scans
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Assessment, Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion

ENOUGH = ("bone-scan", "ct", "mri", "pet-ct")  # a negative X-ray alone excludes too little


@advisory(hooks=[PATIENT_VIEW], reads=[Assessment, Imaging, Lesion, Problem], asks=["spine-emergency"])
def migratory_pain(chart: Chart, situation: Situation, table: Table) -> Advices:
    pattern = chart.latest(Assessment, "pain-pattern", within_days=situation.table("work_up").days("findings"))
    if not pattern or not _only_migratory(pattern, chart):
        return
    if diagnosis(chart).confirmed or situation.said("spine-emergency"):
        return
    if negative := _negative(chart):
        back_pain = [problem for problem in chart.all(Problem, "bone-or-back-pain") if problem.present]
        yield table.advise(
            "not-typical",
            used=[pattern, *back_pain, negative],
            notes=["back_pain"] if back_pain else [],
        )


def _only_migratory(latest: Assessment, chart: Chart) -> bool:
    """No fixed pattern was recorded at the same time."""
    same_time = [one for one in chart.all(Assessment, "pain-pattern") if one.evidence.when == latest.evidence.when]
    return all(one.value == "migratory" for one in same_time)


def _negative(chart: Chart) -> Imaging | None:
    """The latest negative image of the skeleton, unless something positive is left unanswered."""
    positive = [image for image in chart.any(Imaging, *CONFIRMING) if image.value == "positive"]
    hot = [scan for scan in positive_scans(chart) if not _answered(scan, chart)]
    if positive or hot or destruction(chart):
        return None
    negative = [image for image in chart.any(Imaging, *ENOUGH) if image.value in NEGATIVE]
    return negative[-1] if negative else None


def _answered(scan: Imaging, chart: Chart) -> bool:
    return any(image.value in NEGATIVE and image.modality in ENOUGH for image in images_after(chart, scan))
