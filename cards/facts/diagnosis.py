"""What the patient has: bone metastasis or not, which cancer, and the states under which advisories stay silent."""

from __future__ import annotations

import msgspec

from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.patient import Care

CONFIRMED, SUSPECTED, REFUTED = "confirmed", "suspected", "refuted"
CANCER_ONLY, NO_CANCER, UNKNOWN = "cancer-only", "no-cancer", "unknown-diagnosis"

BONE_METASTASIS = (
    "bone-metastasis",
    "bone-metastasis-spine",
    "bone-metastasis-long-bone",
    "bone-metastasis-other-site",
)
PRIMARY_SITES = [
    "breast",
    "prostate",
    "lung",
    "kidney",
    "thyroid",
    "liver",
    "stomach",
    "colon",
    "rectum",
    "uterus",
    "bladder",
    "oesophagus",
    "pancreas",
    "gallbladder",
    "carcinoid-net",
    "melanoma",
    "unknown",
    "nasopharynx",
    "ovary",
    "head-neck",
    "cervix",
    "soft-tissue-sarcoma",
]
PRIMARIES = tuple(f"primary-{site}" for site in PRIMARY_SITES)
OTHER_METASTASES = (
    "secondary-cancer-any",
    "bone-marrow-metastasis",
    "mets-liver",
    "mets-lung",
    "mets-brain",
    "mets-adrenal",
    "mets-kidney",
)
CANCER = (*PRIMARIES, *OTHER_METASTASES, "cancer-any", "cancer-history", "primary-multiple-myeloma", "lymphoma-of-bone")
MYELOMA = ("primary-multiple-myeloma", "lymphoma-of-bone")
BONE_TUMOURS = (
    "giant-cell-tumour-of-bone",
    "primary-osteosarcoma",
    "chondrosarcoma",
    "ewing-sarcoma",
    "primary-bone-cancer",
)
BENIGN = ("benign-bone-lesion", "bone-cyst", "osteoarthritis")


class Diagnosis(msgspec.Struct, frozen=True):
    """``status`` of the bone metastasis and the Condition it rests on, if any."""

    status: str
    problem: Problem | None = None

    @property
    def confirmed(self) -> bool:
        return self.status == CONFIRMED


@derived
def diagnosis(chart: Chart) -> Diagnosis:
    """Confirmed, suspected or refuted bone metastasis; else cancer without one, no cancer, or not known.

    Of a confirmed and a refuted entry the later date wins (ruling 45), and a suspicion that is surely older than a
    refutation, and not of another place, is answered by it (data contract 1.7). History (resolved, inactive, remission)
    is not a present problem. Without the Conditions nothing can be said: ``unknown-diagnosis``.
    """
    entries = chart.any(Problem, *BONE_METASTASIS)
    present = [entry for entry in entries if entry.present or entry.certainty == REFUTED]
    settled = [entry for entry in present if entry.certainty in (CONFIRMED, REFUTED)]
    newest = settled[-1] if settled else None
    if newest is not None and newest.certainty == CONFIRMED:
        return Diagnosis(CONFIRMED, newest)
    if suspected := [entry for entry in _suspected(present) if newest is None or not _answered(entry, newest)]:
        return Diagnosis(SUSPECTED, suspected[-1])
    if newest is not None:
        return Diagnosis(REFUTED, newest)
    if chart.gap(Problem):
        chart.latest(Problem, "bone-metastasis")  # noted as unknown
        return Diagnosis(UNKNOWN)
    return Diagnosis(CANCER_ONLY if cancer(chart) else NO_CANCER)


@derived
def cancer(chart: Chart) -> Problem | None:
    """The cancer on record (a primary, a metastasis or an unspecified malignancy), the latest one; None without.

    A history of cancer ("post-op breast cancer") counts: what has been treated may have spread.
    """
    found = [
        problem
        for problem in chart.any(Problem, *CANCER, *BONE_METASTASIS)
        if problem.certainty in (CONFIRMED, SUSPECTED)
    ]
    return found[-1] if found else None


@derived
def primary_sites(chart: Chart) -> dict[str, Problem]:
    """The primary sites on record (``breast``, ``lung`` ...), each with its latest Condition."""
    found: dict[str, Problem] = {}
    for problem in chart.any(Problem, *PRIMARIES, "primary-multiple-myeloma"):
        if problem.certainty == CONFIRMED:
            found |= {name.removeprefix("primary-"): problem for name in problem.concepts & set(PRIMARIES)}
            if "primary-multiple-myeloma" in problem.concepts:
                found["myeloma"] = problem
    return found


def states(chart: Chart, situation: Situation) -> frozenset[str]:
    """The states of this patient under which most advisories are silent (gates G3, G4, G6, G7, G9, ruling 47)."""
    status = diagnosis(chart).status
    found = set() if status == CONFIRMED else {status}
    if status not in (CONFIRMED, SUSPECTED) and _primary_bone_tumour(chart, status):
        found.add("primary-bone-tumour")
    if _present(chart, MYELOMA):
        found.add("myeloma")
    if situation.setting("suppress_in_hospice") and (chart.all(Care, "hospice") or _present(chart, ("hospice",))):
        found.add("hospice")
    return frozenset(found)


def _primary_bone_tumour(chart: Chart, status: str) -> bool:
    """A bone tumour of its own explains the lesion; a benign one only where there is no cancer to explain it."""
    return _present(chart, BONE_TUMOURS) or (status in (NO_CANCER, REFUTED) and _present(chart, BENIGN))


def _present(chart: Chart, concepts: tuple[str, ...]) -> bool:
    return any(problem.present and problem.certainty == CONFIRMED for problem in chart.any(Problem, *concepts))


def _answered(suspicion: Problem, refutation: Problem) -> bool:
    """The refutation is surely the later one, and not of another place."""
    suspected, refuted = suspicion.evidence.when, refutation.evidence.when
    elsewhere = suspicion.sites and refutation.sites and set(suspicion.sites).isdisjoint(refutation.sites)
    return suspected is not None and refuted is not None and suspected.last < refuted.first and not elsewhere


def _suspected(entries: list[Problem]) -> list[Problem]:
    return [entry for entry in entries if entry.certainty == SUSPECTED and entry.present]


def undetermined(chart: Chart) -> Missing | None:
    """Why the diagnosis is not known, None when it is."""
    return Missing("bone-metastasis", chart.gap(Problem) or "") if chart.gap(Problem) else None
