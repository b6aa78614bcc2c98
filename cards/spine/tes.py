"""Total en bloc spondylectomy is drafted: does the patient meet what the consensus asks for it?"""

from __future__ import annotations

from collections.abc import Iterator

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.objections import Objection, drafted, object_to, target_lesions, unknown_items
from cards.facts.vertebra import ZONES, both_pedicles
from cards.situation import Situation
from cards.table import Table
from cards.words import lesion_place
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.finding import NOT_RECORDED, UNREADABLE, Finding, Missing
from fhir_mappings.lesions import Lesion
from fhir_mappings.procedures import ProcedureRecord

SURVIVAL, EXTENT, TYPE = "life-expectancy", "bone-metastases-extent", "tomita-type"
VERTEBRAL, EXTRASPINAL = "vertebral-metastases", "extraspinal-bone-metastases"


@advisory(hooks=[ORDER_SIGN], reads=[ProcedureRecord, Lesion, Assessment])
def tes(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = drafted(situation, "proc-en-bloc-spondylectomy")
    if not drafts:
        return
    lesions = target_lesions(chart, drafts)
    found = [*_survival(chart, table), *_extent(chart, table), *_anatomy(lesions, situation, table)]
    objections = [each for each in found if isinstance(each, Objection)]
    missing = [each for each in found if isinstance(each, Missing)] + unknown_items(chart, lesions, TYPE)
    yield from object_to(drafts, objections, missing, table, notes=["controlled"])


def _survival(chart: Chart, table: Table) -> Iterator[Objection | Missing]:
    """The clinician's own estimate; the limit itself is not enough."""
    estimate = chart.latest(Assessment, SURVIVAL)
    if isinstance(estimate, Missing):
        yield estimate
        return
    short = estimate.number.at_most(table.number("survival"))
    if short is None:
        yield Missing(SURVIVAL, UNREADABLE, estimate.evidence.reference)
    elif short:
        values = {"months": estimate.number, "limit": table.number("survival")}
        yield Objection("survival", "not-met", (estimate,), values)


def _extent(chart: Chart, table: Table) -> Iterator[Objection | Missing]:
    """Solitary or multiple, as recorded; else by the counts; else more than one bone with a lesion panel."""
    several = _recorded_several(chart, table) or _several_panels(chart)
    if several:
        yield Objection("multiple", "not-met", tuple(several))
    elif not _recorded_solitary(chart, table):
        yield Missing(EXTENT, chart.gap(Assessment) or NOT_RECORDED)


def _recorded_several(chart: Chart, table: Table) -> list[Finding]:
    extent = chart.latest(Assessment, EXTENT)
    if extent and extent.value == "multiple":
        return [extent]
    return [
        count
        for name, limit in ((VERTEBRAL, "vertebral"), (EXTRASPINAL, "extraspinal"))
        if (count := chart.latest(Assessment, name)) and count.number.above(table.number(limit))
    ]


def _recorded_solitary(chart: Chart, table: Table) -> bool:
    extent = chart.latest(Assessment, EXTENT)
    if extent:
        return extent.value == "solitary"
    vertebral, elsewhere = chart.latest(Assessment, VERTEBRAL), chart.latest(Assessment, EXTRASPINAL)
    return bool(
        vertebral
        and elsewhere
        and vertebral.number.at_most(table.number("vertebral"))
        and elsewhere.number.at_most(table.number("extraspinal"))
    )


def _several_panels(chart: Chart) -> list[Lesion]:
    """Panels of different bones, where nobody recorded the extent: two levels of one tumour may be one lesion."""
    if chart.latest(Assessment, EXTENT) or chart.latest(Assessment, VERTEBRAL):
        return []
    places = {
        lesion.site.level or (lesion.site.bone, lesion.site.side): lesion
        for lesion in chart.all(Lesion)
        if lesion.site.level or lesion.site.bone not in (None, "vertebra")
    }
    return list(places.values()) if len(places) > 1 else []


def _anatomy(lesions: list[Lesion], situation: Situation, table: Table) -> Iterator[Objection]:
    for lesion in lesions:
        where = lesion_place(lesion)
        kind = lesion.text(TYPE)
        if kind in table.choice("unsuitable"):
            yield Objection("type_unsuitable", "not-met", (lesion.items[TYPE],), {"level": where, "type": kind})
        elif kind in table.choice("relative"):
            yield Objection("type_relative", "relative", (lesion.items[TYPE],), {"level": where, "type": kind})
        if both_pedicles(lesion, situation):
            values = {"level": where, "numbering": table.word[situation.table("vertebra").choice("numbering")]}
            yield Objection("both_pedicles", "relative", (lesion.items[ZONES],), values)
