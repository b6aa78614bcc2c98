"""Weeks after radiotherapy for bone pain: has the pain answered, and if not, why not?"""

from __future__ import annotations

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.pain import SCORE, pain
from cards.facts.radiotherapy import RADIOTHERAPY, given, may_be_same, may_cover, of_bone
from cards.facts.spine import EMERGENCY_BANDS
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.assessments import Assessment
from fhir_mappings.chart import Chart
from fhir_mappings.finding import Missing
from fhir_mappings.lesions import Item, Lesion
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[ProcedureRecord, Assessment, Lesion], asks=["spine-emergency"])
def rt_response_timeline(chart: Chart, situation: Situation, table: Table) -> Advices:
    if situation.ordering and not any(of_bone(draft) for draft in situation.drafted(ProcedureRecord, RADIOTHERAPY)):
        return
    if any(advice.name in EMERGENCY_BANDS for advice in situation.said("spine-emergency")):
        return
    course = _course(chart, table)
    weeks = _weeks(course, chart, table) if course else None
    if course is None or weeks is None:
        return
    if (persisting := _noted(course, chart, table)) is not None:
        yield table.advise("not-improved", used=[course, persisting], weeks=weeks)
    else:
        yield from _by_score(course, weeks, chart, situation, table)


def _course(chart: Chart, table: Table) -> ProcedureRecord | None:
    """The latest course to bone that has ended on a known day. While a later one runs, nothing is late."""
    courses = [record for record in given(chart) if of_bone(record)]
    return courses[-1] if courses and courses[-1].ended and courses[-1].evidence.when else None


def _weeks(course: ProcedureRecord, chart: Chart, table: Table) -> Range | None:
    """Full weeks since, when they are surely late enough to judge and not so late that it is another matter."""
    when = course.evidence.when
    days = when.days_before(chart.as_of) if when else None
    if days is None or not days.at_least(table.number("judge")) or not days.at_most(table.number("until")):
        return None
    return days.map(lambda number: number // 7)


def _noted(course: ProcedureRecord, chart: Chart, table: Table) -> Item | None:
    """Pain after radiotherapy, noted with a lesion of the place late enough after it."""
    for lesion in chart.all(Lesion):
        item = lesion.items.get("pain-after-radiotherapy")
        if item is not None and item.value is True and may_cover(course, lesion.site) and _late(item, course, table):
            return item
    return None


def _by_score(course: ProcedureRecord, weeks: Range, chart: Chart, situation: Situation, table: Table) -> Advices:
    """The pain score now against the last one before radiotherapy; without that one, a score that is high by itself."""
    now = pain(chart, situation)
    if not now or not may_cover(course, now.site) or not _late(now, course, table):
        return
    before = _before(course, now, chart, table)
    if before is None:
        if now.number.at_least(table.number("high")):
            missing = [Missing("pain-before-radiotherapy")]
            yield table.advise("no-baseline", used=[course, now], missing=missing, weeks=weeks, pain=now.number)
    elif now.number.above(0) and now.number.at_least(before.number.hi):
        used = [course, before, now]
        yield table.advise(
            "not-improved", used=used, notes=["scores"], weeks=weeks, pain=now.number, before=before.number
        )


def _before(course: ProcedureRecord, now: Assessment, chart: Chart, table: Table) -> Assessment | None:
    """The last pain score of the place in the weeks up to the end of radiotherapy."""
    end = course.evidence.when
    found = [
        score
        for score in chart.all(Assessment, SCORE)
        if end
        and score.evidence.when
        and score.evidence.when.last <= end.first
        and score.evidence.when.days_before(end.last).at_most(table.number("baseline"))
        and may_be_same(score.site, now.site)
    ]
    return found[-1] if found else None


def _late(finding: Assessment | Item, course: ProcedureRecord, table: Table) -> bool:
    """The finding itself was recorded late enough after radiotherapy."""
    end, when = course.evidence.when, finding.evidence.when
    return bool(end and when and end.days_before(when.first).at_least(table.number("judge")))
