"""What imaging says about the skeleton: destruction seen, positive scans, and which later image answers them."""

from __future__ import annotations

from cards.facts.pathology import biopsied
from cards.situation import Situation
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart, derived
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

CONFIRMING = ("ct", "mri", "x-ray", "pet-ct")
MODALITIES = ("bone-scan", *CONFIRMING)
NEGATIVE = ("negative", "no-destruction")
POSITIVE = ("positive", "destruction")

# Orders for imaging: a bone scan or a whole-body PET-CT is about the skeleton, the others only where they name a bone
# or one of the questions of the data contract.
OF_THE_SKELETON = ("imaging-bone-scan", "imaging-pet-ct")
OF_ANYTHING = ("imaging-ct", "imaging-mri", "imaging-x-ray")
QUESTIONS = frozenset(
    ("screen", "confirm-site", "early", "fracture-risk", "cord-compression", "response", "preoperative-extent")
)
LYTIC = ("lytic", "mixed")

RESPONSE = "bone-response"
RESPONSE_OF_LYTIC = ("new-lytic", "sclerotic-rim")  # a rim is one around a lytic lesion


@derived
def destruction(chart: Chart) -> Finding | None:
    """The latest image on which bone destruction was seen, else a lesion recorded as destroying bone."""
    seen = [
        image
        for image in chart.any(Imaging, *CONFIRMING, RESPONSE)
        if image.value in ("destruction", *RESPONSE_OF_LYTIC)
    ]
    if seen:
        return seen[-1]
    return next((item for lesion in chart.all(Lesion) if (item := _destroying(lesion)) is not None), None)


@derived
def seen_on_imaging(chart: Chart) -> Finding | None:
    """What shows a bone lesion on CT, MRI, X-ray or PET-CT (criterion 2 of DIAGNOSIS-CRITERIA), None without.

    A lesion recorded as lytic, mixed or blastic was described from such an image, a response was read on one.
    """
    images = chart.any(Imaging, *CONFIRMING, RESPONSE)
    found = [image for image in images if image.modality == RESPONSE or image.value in POSITIVE]
    if found:
        return found[-1]
    described = [lesion.items["lesion-matrix"] for lesion in chart.all(Lesion) if "lesion-matrix" in lesion.items]
    return described[-1] if described else destruction(chart)


@derived
def positive_scans(chart: Chart) -> list[Imaging]:
    """Positive bone scans that no later negative scan of the place takes back, oldest first."""
    scans = chart.all(Imaging, "bone-scan")
    negative = [scan for scan in scans if scan.value in NEGATIVE]
    positive = [scan for scan in scans if scan.value in POSITIVE]
    return [scan for scan in positive if not any(answers(other, scan) for other in negative)]


@derived
def disproved(chart: Chart) -> Imaging | None:
    """The later negative CT or MRI that disproves a positive bone scan (ruling 18), None without one.

    It counts when it is of the same site or of the whole skeleton, no image shows destruction and no bone biopsy was
    done.
    """
    if destruction(chart) or biopsied(chart):
        return None
    scans = [scan for scan in chart.all(Imaging, "bone-scan") if scan.value == "positive"]
    for image in reversed(chart.any(Imaging, "ct", "mri")):
        if image.value in NEGATIVE and any(answers(image, scan) for scan in scans):
            return image
    return None


def images_after(chart: Chart, scan: Imaging) -> list[Imaging]:
    """The CT, MRI, X-ray and PET-CT that answer a scan, oldest first."""
    return [image for image in chart.any(Imaging, *CONFIRMING) if answers(image, scan)]


@derived
def imaged_lately(chart: Chart, situation: Situation) -> bool | None:
    """Whether the skeleton was imaged in the last months or is about to be; None when that cannot be known."""
    days = situation.table("work_up").days("imaged_lately")
    if any(chart.all(Imaging, modality, within_days=days) for modality in MODALITIES):
        return True
    if any(_about_bone(record) and _lately(record, chart, days) for record in chart.all(ProcedureRecord)):
        return True
    return False if chart.lacks(Imaging, *MODALITIES, within_days=days) else None


def fully_read(chart: Chart) -> bool:
    """True when every image of the skeleton and every lesion was supplied and understood: none is merely unknown."""
    read = [bool(chart.all(Imaging, modality)) or chart.lacks(Imaging, modality) for modality in MODALITIES]
    return all(read) and chart.gap(Imaging) is None and (bool(chart.all(Lesion)) or chart.lacks(Lesion))


def answers(image: Imaging, scan: Imaging) -> bool:
    """The image was made after the scan and shows its place, or the whole skeleton."""
    later = image.evidence.when and scan.evidence.when and image.evidence.when.last >= scan.evidence.when.first
    return bool(later) and (image.site == Site() or covers(image.site, scan.site))


def covers(wide: Site, narrow: Site) -> bool:
    """The first place contains the second: the same level, or the same bone or a part of it, sides not opposite."""
    if wide.level or narrow.level:
        return wide.level == narrow.level
    if wide.side and narrow.side and wide.side not in (narrow.side, "both"):
        return False
    if wide.bone is None or narrow.bone is None:
        return wide.region is not None and wide.region == narrow.region
    return narrow.inside(wide.bone)


def same_place(one: Site, other: Site) -> bool:
    """Two sites of which one contains the other."""
    return covers(one, other) or covers(other, one)


def _destroying(lesion: Lesion) -> Item | None:
    if lesion.yes("bone-destruction"):
        return lesion.items["bone-destruction"]
    return lesion.items["lesion-matrix"] if lesion.text("lesion-matrix") in LYTIC else None


def _about_bone(record: ProcedureRecord) -> bool:
    if record.concepts & set(OF_THE_SKELETON):
        return True
    return bool(record.concepts & set(OF_ANYTHING)) and bool(record.sites or record.reasons & QUESTIONS)


def _lately(record: ProcedureRecord, chart: Chart, days: int) -> bool:
    when = record.evidence.when or record.authored
    return when is None or when.days_before(chart.as_of).at_most(days) is not False
