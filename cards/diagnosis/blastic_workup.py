"""A blastic lesion before any systemic therapy: bone scan, then biopsy or follow-up?"""

from __future__ import annotations

from cards.advisory import ORDER_SELECT, PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import diagnosis, primary_sites
from cards.facts.imaging import NEGATIVE, covers
from cards.facts.pathology import BIOPSY
from cards.facts.regimen import days_between, treated_before
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import NOT_RECORDED, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import NOWHERE

SCAN = "imaging-bone-scan"
PRE_EMPTED_BY = {"scan": SCAN, "biopsy": BIOPSY}
"""The order that a band would lead to: when it is drafted or planned there is nothing to say."""
OTHER_STEPS = ("imaging-ct", "imaging-mri", "imaging-x-ray", "imaging-pet-ct", SCAN, BIOPSY)


@advisory(hooks=[PATIENT_VIEW, ORDER_SELECT], reads=[Lesion, Imaging, Problem, DrugRecord, ProcedureRecord])
def blastic_workup(chart: Chart, situation: Situation, table: Table) -> Advices:
    if diagnosis(chart).confirmed:
        return
    if situation.ordering and not situation.drafted(ProcedureRecord, *OTHER_STEPS):
        return
    for lesion in chart.all(Lesion):
        if lesion.text("lesion-matrix") == "blastic":
            yield from _about(lesion, chart, situation, table)


def _about(lesion: Lesion, chart: Chart, situation: Situation, table: Table) -> Advices:
    treated = treated_before(chart, lesion)
    if treated is None:
        why = chart.gap(DrugRecord) or NOT_RECORDED
        chart.unknown["systemic-therapy-before"] = Missing("systemic-therapy-before", why)
    if treated is not False or not chart.lacks(ProcedureRecord, BIOPSY):
        return
    scan = _scan_of(lesion, chart, table)
    if scan is None and not _scans_known(chart):
        return
    band = "scan" if scan is None else "follow-up" if scan.value in NEGATIVE else "biopsy"
    if band in PRE_EMPTED_BY and _under_way(PRE_EMPTED_BY[band], chart, situation):
        return
    prostate = primary_sites(chart).get("prostate")
    yield table.advise(
        band,
        used=[lesion.items["lesion-matrix"], lesion.items.get("systemic-therapy-before"), scan, prostate],
        notes=["prostate" if prostate else "rare", *(["unplaced"] if scan and scan.site == NOWHERE else [])],
        about=lesion.key,
        bone=lesion_place(lesion),
    )


def _scan_of(lesion: Lesion, chart: Chart, table: Table) -> Imaging | None:
    """The latest bone scan of this place or of the whole skeleton that is not too old for the lesion."""
    seen = lesion.items["lesion-matrix"].evidence.when
    scans = [
        scan
        for scan in chart.all(Imaging, "bone-scan")
        if (scan.site == NOWHERE or covers(scan.site, lesion.site))
        and seen is not None
        and scan.evidence.when is not None
        and days_between(scan.evidence.when, seen).at_most(table.number("scan_before"))
    ]
    return scans[-1] if scans else None


def _scans_known(chart: Chart) -> bool:
    """Every bone scan on record was supplied and understood."""
    return chart.gap(Imaging) is None and (bool(chart.all(Imaging, "bone-scan")) or chart.lacks(Imaging, "bone-scan"))


def _under_way(name: str, chart: Chart, situation: Situation) -> bool:
    planned = [record for record in chart.all(ProcedureRecord, name) if record.state == "planned"]
    return bool(planned or situation.drafted(ProcedureRecord, name))
