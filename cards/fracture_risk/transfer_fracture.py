"""A bone that may break, or has broken, and a patient about to be moved: has it been fixed?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advice import Advice, at_most
from cards.advisory import APPOINTMENT_BOOK, ENCOUNTER_DISCHARGE, Advices, advisory
from cards.facts.long_bones import FIXATION, Fixations, fixations, fractures
from cards.facts.spine import SURGERY, in_spine, unplaced_treatments
from cards.situation import Situation
from cards.spine import sins
from cards.table import Table
from cards.text import Text, joined
from cards.words import lesion_place
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

TRANSFER = "proc-transfer"
HIGH = {"mirels": ("borderline", "high"), "long-bone-surgery": ("criterion", "fracture"), "sins": ("unstable",)}


@advisory(
    hooks=[ENCOUNTER_DISCHARGE, APPOINTMENT_BOOK],
    reads=[Lesion, ProcedureRecord, Problem],
    asks=["mirels", "long-bone-surgery", "sins", "spine-emergency"],
)
def transfer_fracture(chart: Chart, situation: Situation, table: Table) -> Advices:
    if not _moved(situation):
        return
    for about, risks in _at_risk(chart, situation).items():
        site, place = _where(about, chart)
        if site is not None and place is not None:
            yield from _about(about, site, place, risks, chart, table)


def _moved(situation: Situation) -> bool:
    """The patient goes home, or a transfer is being booked."""
    booked = [draft for draft in situation.drafted(ProcedureRecord, TRANSFER) if draft.state == "draft"]
    return situation.hook == ENCOUNTER_DISCHARGE or bool(booked)


def _at_risk(chart: Chart, situation: Situation) -> dict[str, list[tuple[str, Advice]]]:
    """For each bone, what other advisories say that makes it one that may break.

    At discharge a fracture has its own critical card; this one gives way.
    """
    found: dict[str, list[tuple[str, Advice]]] = {}
    said = {advisory_id: situation.said(advisory_id) for advisory_id in HIGH}
    said["sins"] = [*said["sins"], *sins.replaced(chart, situation)]
    for advisory_id, bands in HIGH.items():
        for advice in said[advisory_id]:
            told = advice.name == "fracture" and situation.hook == ENCOUNTER_DISCHARGE
            if advice.name in bands and advice.about and not told:
                found.setdefault(advice.about, []).append((advisory_id, advice))
    return found


def _where(about: str, chart: Chart) -> tuple[Site | None, Text | None]:
    for lesion in chart.all(Lesion):
        if lesion.key == about:
            return lesion.site, lesion_place(lesion)
    for fracture in fractures(chart):
        if fracture.about == about:
            return fracture.site, fracture.place
    return None, None


def _about(about: str, site: Site, place: Text, risks: list[tuple[str, Advice]], chart: Chart, table: Table) -> Advices:
    fixed = _spine_fixations(chart) if in_spine(site) else fixations(chart, site)
    if fixed.within(table.days("fixed"), chart):
        return
    gap = chart.gap(ProcedureRecord)
    unsure = bool(gap or fixed.possible or fixed.perhaps_within(table.days("fixed"), chart))
    advices = [advice for _, advice in risks]
    partial = all(advice.missing for advice in advices)
    band = table.band["fixation-unknown" if unsure else "unfixed"]
    missing = {each.name: each for advice in advices for each in advice.missing}
    if gap:
        operation = "proc-spine-surgery" if in_spine(site) else FIXATION
        missing[operation] = Missing(operation, gap)
    yield table.advise(
        band,
        indicator=at_most(band.indicator, "warning") if partial else None,
        used=[*_used(advices), *fixed.sure, *fixed.possible],
        missing=missing.values(),
        notes=["older_fixation"] if fixed.sure else [],
        lines=[table.line("because", reasons=joined(_reasons(risks, table)))],
        about=about,
        bone=place,
    )


def _spine_fixations(chart: Chart) -> Fixations:
    """SINS speaks of no level that was operated on; spine surgery without a level may have been this one's."""
    unplaced = [record for record in unplaced_treatments(chart) if record.concepts & set(SURGERY)]
    return Fixations(possible=tuple(unplaced))


def _reasons(risks: list[tuple[str, Advice]], table: Table) -> Iterator[Text]:
    for advisory_id, advice in risks:
        name = "fracture" if advice.name == "fracture" else advisory_id.replace("-", "_")
        yield table.line(name, **{value: advice.values.get(value, "") for value in ("total", "criterion")})


def _used(advices: list[Advice]) -> list[Finding]:
    seen = {(finding.name, finding.evidence.reference): finding for advice in advices for finding in advice.used}
    return list(seen.values())
