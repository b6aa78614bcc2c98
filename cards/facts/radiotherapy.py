"""Radiotherapy on record: given or planned, and whether it could be that of a given place."""

from __future__ import annotations

from cards.facts.diagnosis import BONE_METASTASIS
from fhir_mappings.chart import Chart
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

RADIOTHERAPY = "proc-radiotherapy"
STEREOTACTIC = "proc-stereotactic-radiosurgery"


def given(chart: Chart) -> list[ProcedureRecord]:
    """Radiotherapy that took place, oldest first."""
    return [record for record in chart.all(ProcedureRecord, RADIOTHERAPY) if record.state in ("done", "fulfilled")]


def of_bone(record: ProcedureRecord) -> bool:
    """Radiotherapy surely meant for bone: a bone is its place, or a bone metastasis its reason."""
    return bool(record.sites) or bool(record.reasons & set(BONE_METASTASIS))


def may_cover(record: ProcedureRecord, place: Site) -> bool:
    """False only when the record names another place; without a place on either side it may be this one."""
    return not record.sites or not place.known or any(may_be_same(site, place) for site in record.sites)


def may_be_same(one: Site, other: Site) -> bool:
    """Two places that could be one: a femur and its proximal part, a spine without a level and a vertebra."""
    if one.level and other.level:
        return one.level == other.level
    if one.side and other.side and one.side != other.side and "both" not in (one.side, other.side):
        return False
    if one.bone and other.bone:
        return one.inside(other.bone) or other.inside(one.bone)
    return one.region is None or other.region is None or one.region == other.region
