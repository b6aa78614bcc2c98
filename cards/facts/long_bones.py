"""Bones outside the spine: which carry weight, which are broken, which have been fixed and when."""

from __future__ import annotations

import msgspec

from cards.text import Text
from cards.words import lesion_place, place
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site
from fhir_mappings.when import When

FIXATION = "proc-long-bone-fixation"
CONSULT = "orthopaedic-consult"

_WEIGHT_BEARING = ("femur", "tibia")
_ARM = ("humerus", "radius", "ulna", "upper-limb")


class Fracture(msgspec.Struct, frozen=True):
    """A pathological fracture, by a lesion panel or by a diagnosis with its place.

    ``lesion``: the panel of that bone, None when only the diagnosis is on record.
    """

    site: Site
    finding: Finding
    lesion: Lesion | None = None
    suspected: bool = False

    @property
    def about(self) -> str:
        site = self.site
        return (
            self.lesion.key if self.lesion else " ".join(word for word in (site.side, site.bone or site.region) if word)
        )

    @property
    def place(self) -> Text:
        return lesion_place(self.lesion) if self.lesion else place(self.site)


class Fixations(msgspec.Struct, frozen=True):
    """Fixations on record, oldest first: ``sure`` of this bone; ``possible`` where bone or side is not recorded."""

    sure: tuple[ProcedureRecord, ...] = ()
    possible: tuple[ProcedureRecord, ...] = ()

    def within(self, days: int, chart: Chart) -> bool:
        """True when this bone was surely fixed at most ``days`` ago."""
        dated = [record.evidence.when for record in self.sure]
        return any(when is not None and when.days_before(chart.as_of).at_most(days) is True for when in dated)

    def perhaps_within(self, days: int, chart: Chart) -> bool:
        """True when this bone was surely fixed, on a day not known well enough to say whether ``days`` have passed."""
        dated = [record.evidence.when for record in self.sure]
        return any(when is None or when.days_before(chart.as_of).at_most(days) is None for when in dated)

    def since(self, when: When | None) -> bool:
        """True when this bone was surely fixed on that day or later."""
        dated = [record.evidence.when for record in self.sure]
        return when is not None and any(fixed is not None and fixed.first >= when.last for fixed in dated)


def weight_bearing(site: Site) -> bool:
    """Femur or tibia; also a lower limb whose bone is not recorded."""
    return any(site.inside(bone) for bone in _WEIGHT_BEARING) or site.bone == "lower-limb"


def in_arm(site: Site) -> bool:
    return site.bone in _ARM


def same_bone(one: Site, other: Site) -> bool:
    """One bone, or a bone and a part of it (femur, proximal femur); sides that are both known agree."""
    if one.level or other.level:
        return one.level == other.level
    sides = {one.side, other.side} - {None, "both"}
    within = (other.bone is not None and one.inside(other.bone)) or (one.bone is not None and other.inside(one.bone))
    return within and len(sides) < 2


@derived
def fractures(chart: Chart) -> list[Fracture]:
    """Every pathological fracture on record, each bone once."""
    found = [
        Fracture(lesion.site, lesion.items["fractured"], lesion)
        for lesion in chart.all(Lesion)
        if lesion.yes("fractured")
    ]
    for problem in reversed(chart.all(Problem, "pathological-fracture")):
        if not problem.present or problem.certainty == "refuted":
            continue
        for site in problem.sites:
            lesion = _panel(chart, site)
            known = any(same_bone(site, fracture.site) for fracture in found)
            if not known and not (lesion and _whole_again(lesion, problem)):
                found.append(Fracture(site, problem, lesion, problem.certainty == "suspected"))
    return found


def _panel(chart: Chart, site: Site) -> Lesion | None:
    """The panel of that bone; of several the one of the very place."""
    of_bone = [lesion for lesion in chart.all(Lesion) if same_bone(site, lesion.site)]
    return min(of_bone, key=lambda lesion: (lesion.site != site, lesion.key), default=None)


def fracture_of(chart: Chart, lesion: Lesion) -> Fracture | None:
    return next((fracture for fracture in fractures(chart) if fracture.about == lesion.key), None)


def fixations(chart: Chart, site: Site) -> Fixations:
    """The fixations of this bone; one without a side, of a bone that has one, may have been the other's."""
    done = [record for record in chart.all(ProcedureRecord, FIXATION) if record.state in ("done", "fulfilled")]
    sure = [record for record in done if any(_surely(fixed, site) for fixed in record.sites)]
    possible = [
        record
        for record in done
        if record not in sure and (not record.sites or any(same_bone(fixed, site) for fixed in record.sites))
    ]
    return Fixations(tuple(sure), tuple(possible))


def planned_care(chart: Chart, drafts: list[ProcedureRecord], site: Site) -> list[ProcedureRecord]:
    """A fixation of this bone, or an orthopaedic consultation, that is ordered, booked or drafted for a day ahead."""
    open_plans = [
        record
        for record in [*chart.any(ProcedureRecord, FIXATION, CONSULT), *drafts]
        if record.state in ("planned", "draft") and {FIXATION, CONSULT} & record.concepts
    ]
    return [
        record
        for record in open_plans
        if (not record.sites or any(same_bone(each, site) for each in record.sites)) and _ahead(record, chart)
    ]


def surgical_care(chart: Chart, drafts: list[ProcedureRecord], site: Site, recent_days: int) -> list[ProcedureRecord]:
    """What says that a surgeon has this bone in hand: planned care, a recent consultation, a recent fixation of it."""
    fixed = [record for record in fixations(chart, site).sure if _recent(record, chart, recent_days)]
    seen = [
        record
        for record in chart.all(ProcedureRecord, CONSULT)
        if record.state in ("done", "fulfilled") and _recent(record, chart, recent_days)
    ]
    return [*planned_care(chart, drafts, site), *seen, *fixed]


def _recent(record: ProcedureRecord, chart: Chart, days: int) -> bool:
    when = record.evidence.when
    return when is not None and when.days_before(chart.as_of).at_most(days) is True


def _surely(fixed: Site, site: Site) -> bool:
    sides_known = "both" in (fixed.side, site.side) or fixed.side == site.side or site.side is None
    return sides_known and same_bone(fixed, site)


def _whole_again(lesion: Lesion, problem: Problem) -> bool:
    """The panel says, not before the diagnosis, that there is no fracture."""
    said, diagnosed = lesion.items.get("fractured"), problem.evidence.when
    if said is None or said.value is not False or said.evidence.when is None:
        return False
    return diagnosed is not None and said.evidence.when.first >= diagnosed.last


def _ahead(record: ProcedureRecord, chart: Chart) -> bool:
    return record.evidence.when is None or record.evidence.when.last >= chart.as_of
