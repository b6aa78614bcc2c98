"""A positive bone scan and nothing else: has CT, MRI or X-ray confirmed it?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis
from cards.facts.exposure import BONE_MODIFYING
from cards.facts.imaging import NEGATIVE, destruction, disproved, fully_read, images_after, positive_scans
from cards.facts.indication import for_another_reason
from cards.facts.pathology import BIOPSY
from cards.situation import Situation
from cards.table import Table
from cards.text import Text, joined
from cards.words import place
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord

DECISIVE = ("ct", "mri", "pet-ct")  # a negative X-ray misses half of what a scan shows


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[Imaging, Lesion, Problem, DrugRecord, ProcedureRecord])
def bone_scan_confirm(chart: Chart, situation: Situation, table: Table) -> Advices:
    scans = positive_scans(chart)
    if not scans or destruction(chart) or not _undecided(chart):
        return
    later = [image for scan in scans for image in images_after(chart, scan)]
    if any(image.value == "positive" for image in later):
        return
    open_scans = [scan for scan in scans if not _answered(scan, chart)]
    if diagnosis(chart).confirmed and (open_scans or not disproved(chart)):
        return  # the diagnosis is on record without its image: diagnosis-criteria asks about that
    drafts = _drafted(chart, situation)
    if situation.signing and not drafts:
        return
    band = "confirm" if open_scans else "not-confirmed"
    answers = [image for image in later if image.value in NEGATIVE]
    yield table.advise(
        "drafted" if drafts and not diagnosis(chart).confirmed else band,
        used=[*drafts, *scans, *dict.fromkeys(answers), diagnosis(chart).problem],
        notes=_notes(answers, bool(open_scans)),
        lines=_uptake(scans, table),
        modality=joined(table.word[name] for name in dict.fromkeys(image.modality for image in answers)),
    )


def _undecided(chart: Chart) -> bool:
    """No biopsy has decided it, and no image or lesion is merely unknown."""
    return chart.lacks(ProcedureRecord, BIOPSY) and fully_read(chart)


def _answered(scan: Imaging, chart: Chart) -> bool:
    return any(image.modality in DECISIVE for image in images_after(chart, scan))


def _drafted(chart: Chart, situation: Situation) -> list[DrugRecord]:
    """Bone-modifying agents being signed for the metastasis, not for osteoporosis or the like."""
    if not situation.signing:
        return []
    drafts = [draft for draft in situation.drafted(DrugRecord, *BONE_MODIFYING) if draft.status == "draft"]
    return [] if for_another_reason(chart, situation, drafts) else drafts


def _notes(answers: list[Imaging], unanswered: bool) -> list[str]:
    notes = ["later"] if answers else []
    if any(image.modality == "x-ray" for image in answers) and unanswered:
        notes.append("x_ray")
    return notes


def _uptake(scans: list[Imaging], table: Table) -> list[Text]:
    """Where the scans were positive, as far as that is recorded."""
    places = dict.fromkeys(place(scan.site) for scan in scans if scan.site.known)
    return [table.line("uptake", places=joined(places))] if places else []
