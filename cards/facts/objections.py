"""What speaks against a drafted procedure, gathered and told as one advice.

A rule lists its objections and what it could not know; the most urgent decide the band, and the summary names those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from cards.advice import INDICATOR_ORDER
from cards.advisory import Advices
from cards.situation import Situation
from cards.table import Table
from cards.text import listed
from cards.words import name_of
from fhir_mappings.chart import Chart
from fhir_mappings.finding import NOT_RECORDED, Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.sites import Site

UNKNOWN = "unknown"
SPINE = "spine"


class Objection(msgspec.Struct, frozen=True):
    """One thing that speaks against the procedure.

    ``name``: its row under ``[word]`` (in the summary) and under ``[note]`` (in the detail, with ``values``); ``band``:
    how urgent it is; ``used``: the findings it rests on.
    """

    name: str
    band: str
    used: tuple[Finding | Missing, ...] = ()
    values: dict[str, Any] = msgspec.field(default_factory=dict)


def drafted(situation: Situation, *names: str) -> list[ProcedureRecord]:
    """The procedures with any of these names that are being ordered or booked, a cancelled booking left out."""
    return [draft for draft in situation.drafted(ProcedureRecord, *names) if draft.state == "draft"]


def target_lesions(chart: Chart, drafts: Sequence[ProcedureRecord]) -> list[Lesion]:
    """The lesion panels of the spine the procedures may be for: those of the ordered places, all where none is named.

    A panel without a level counts for every order of the spine, an order without a level for every panel.
    """
    places = [site for draft in drafts for site in draft.sites]
    return [
        lesion
        for lesion in chart.all(Lesion)
        if lesion.site.region == SPINE and (not places or any(_may_be(site, lesion.site) for site in places))
    ]


def object_to(
    drafts: Sequence[ProcedureRecord],
    objections: Sequence[Objection],
    missing: Sequence[Missing],
    table: Table,
    *,
    notes: Iterable[str] = (),
    **values: Any,
) -> Advices:
    """One advice: the band of the most urgent objection, else ``unknown`` for what is missing, else nothing.

    What is missing is named by its row under ``[word]`` where the full name is too long for a summary.
    """
    once = list({miss.name: miss for miss in missing}.values())
    facts: dict[str, Any] = {"missing": once, "notes": notes, **values}
    if objections:
        band = min((table.band[each.band] for each in objections), key=lambda each: INDICATOR_ORDER[each.indicator])
        names = dict.fromkeys(each.name for each in objections if each.band == band.name)
        facts["items"] = listed(table.word[name] for name in names)
        facts["lines"] = list(dict.fromkeys(table.line(each.name, **each.values) for each in objections))
        yield table.advise(band, used=_once(drafts, objections), **facts)
    elif once:
        items = listed(table.word.get(miss.name) or name_of(miss.name) for miss in once)
        yield table.advise(UNKNOWN, used=drafts, items=items, **facts)


def unknown_items(chart: Chart, lesions: Sequence[Lesion], *names: str) -> list[Missing]:
    """The lesion items nobody recorded, with the reason; all of them when there is no lesion panel."""
    if not lesions:
        return [Missing(name, chart.gap(Lesion) or NOT_RECORDED) for name in names]
    asked = [lesion.item(name) for lesion in lesions for name in names]
    return [item for item in asked if isinstance(item, Missing)]


def _may_be(ordered: Site, panel: Site) -> bool:
    return ordered.region == SPINE and (ordered.level is None or panel.level in (None, ordered.level))


def _once(drafts: Sequence[ProcedureRecord], objections: Sequence[Objection]) -> list[Finding | Missing]:
    found: list[Finding | Missing] = [*drafts, *(finding for each in objections for finding in each.used)]
    return list({id(finding): finding for finding in found}.values())
