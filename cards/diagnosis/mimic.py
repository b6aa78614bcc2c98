"""A bone-modifying agent for years, or for a metastasis since refuted: was it ever one?"""

from __future__ import annotations

from itertools import combinations

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.diagnosis import REFUTED, diagnosis
from cards.facts.exposure import ACTIVE, DENOSUMAB, Course, bone_modifying
from cards.facts.imaging import POSITIVE, destruction, fully_read
from cards.facts.indication import for_another_reason
from cards.facts.pathology import BIOPSY
from cards.facts.regimen import began, days_between
from cards.situation import Situation
from cards.table import Table
from cards.text import joined
from cards.words import drug
from fhir_mappings.assessments import Imaging
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.lesions import Lesion
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.when import When


@advisory(hooks=[PATIENT_VIEW], reads=[Problem, DrugRecord, Imaging, Lesion, ProcedureRecord])
def mimic(chart: Chart, situation: Situation, table: Table) -> Advices:
    courses = [
        course
        for course in bone_modifying(chart, situation)
        if course.status == ACTIVE and not for_another_reason(chart, situation, course.records)
    ]
    if not courses:
        return
    found = diagnosis(chart)
    if found.status == REFUTED:
        yield table.advise(
            "refuted",
            used=[found.problem, *(course.records[-1] for course in courses)],
            notes=["rebound"] if any(course.drug == DENOSUMAB for course in courses) else [],
            drug=joined(drug(course.drug) for course in courses),
        )
    elif found.confirmed:
        yield from _long_treated(courses, chart, situation, table)


def _long_treated(courses: list[Course], chart: Chart, situation: Situation, table: Table) -> Advices:
    """Treated for long and scanned as positive again and again, with neither destruction nor tissue to show for it."""
    scans = _repeated(chart, table)
    begun = {course.drug: _begun(course, situation) for course in courses}
    long = [course for course in courses if _lasted(begun[course.drug], chart, table)]
    if not scans or not long or destruction(chart):
        return
    if not fully_read(chart) or not chart.lacks(ProcedureRecord, BIOPSY):
        return
    starts = [when for course in long if (when := begun[course.drug]) is not None]
    yield table.advise(
        "unproven",
        used=[diagnosis(chart).problem, *scans, *(course.records[-1] for course in long)],
        notes=["since"],
        drug=joined(drug(course.drug) for course in long),
        since=min(starts, key=_order),
        scans=len(scans),
    )


def _repeated(chart: Chart, table: Table) -> list[Imaging]:
    """The positive bone scans, when two of them lie far enough apart to have been read as progression (ruling 25)."""
    scans = [scan for scan in chart.all(Imaging, "bone-scan") if scan.value in POSITIVE]
    dated = [scan.evidence.when for scan in scans if scan.evidence.when is not None]
    apart = table.number("scans_apart")
    return scans if any(days_between(one, other).at_least(apart) for one, other in combinations(dated, 2)) else []


def _begun(course: Course, situation: Situation) -> When | None:
    """When the present treatment began: with a standing order, or back from the last dose over short gaps."""
    standing = [began(record) for record in course.records if record.status == "active"]
    return min((when for when in (*standing, _stretch(course, situation)) if when), key=_order, default=None)


def _stretch(course: Course, situation: Situation) -> When | None:
    longest_gap = situation.table("exposure").number("order_active")
    dates = sorted((when for record in course.records if (when := began(record))), key=_order)
    if not dates:
        return None
    start = dates[-1]
    for earlier in reversed(dates[:-1]):
        if days_between(earlier, start).above(longest_gap):
            break
        start = earlier
    return start


def _order(when: When) -> tuple[object, ...]:
    return when.order


def _lasted(start: When | None, chart: Chart, table: Table) -> bool:
    return start is not None and start.days_before(chart.as_of).at_least(table.number("long")) is True
