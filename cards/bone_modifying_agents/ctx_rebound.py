"""The resorption marker CTX after denosumab: has it risen, and was it measured at all?"""

from __future__ import annotations

from typing import Any

import msgspec

from cards.advisory import PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import DENOSUMAB, ONCOLOGY, Course, denosumab, unseen_doses, which_denosumab
from cards.facts.ordered import present
from cards.facts.renal import on_dialysis
from cards.facts.skeletal_events import pain_or_fracture_since
from cards.situation import Situation
from cards.table import Table
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.when import When

CTX = "ctx-serum"


class Markers(msgspec.Struct, frozen=True):
    """The CTX values that matter (ruling 15): the present one, the last before denosumab, the lowest under it."""

    now: Lab
    baseline: Lab | None
    nadir: Lab | None

    @property
    def all(self) -> list[Lab | None]:
        return [self.now, self.nadir, self.baseline]


@advisory(hooks=[PATIENT_VIEW], reads=[DrugRecord, Lab, Problem, ProcedureRecord], asks=["denosumab-stop"])
def ctx_rebound(chart: Chart, situation: Situation, table: Table) -> Advices:
    course = denosumab(chart, situation)
    last = course.last.evidence.when if course.last else None
    if last is None or course.days is None or which_denosumab(chart, situation) != ONCOLOGY:
        return
    long_gap = course.days.at_least(table.number("gap")) is True
    if not long_gap and not situation.said("denosumab-stop"):
        return
    now = _present(last, chart, situation)
    if now is not None:
        yield from _judge(_markers(now, course, chart), course.days, last, chart, situation, table)
    elif long_gap and course.days.at_most(table.number("year")) and _unmeasured(course.days, chart, situation):
        older = chart.latest(Lab, CTX, within_days=int(situation.setting("lab_max_age_days_ctx")))
        missing = [older if isinstance(older, Missing) else Missing(CTX)]
        yield table.advise("ask", used=[course.last], missing=missing, about=DENOSUMAB, days=course.days)


def _present(last: When, chart: Chart, situation: Situation) -> Lab | None:
    """The newest CTX, young enough and measured after the last dose."""
    recent = chart.all(Lab, CTX, within_days=int(situation.setting("lab_max_age_days_ctx")))
    after = [lab for lab in recent if lab.evidence.when and lab.evidence.when.first > last.last]
    return after[-1] if after else None


def _unmeasured(days: Range, chart: Chart, situation: Situation) -> bool:
    """It is known that there is no such CTX."""
    young = int(situation.setting("lab_max_age_days_ctx"))
    return chart.lacks(Lab, CTX, within_days=min(young, int(days.lo) - 1))


def _markers(now: Lab, course: Course, chart: Chart) -> Markers:
    first = (course.doses[0] if course.doses else course.last or course.records[0]).evidence.when
    earlier = [lab for lab in chart.all(Lab, CTX) if _before(lab.evidence.when, now.evidence.when)]
    before = [lab for lab in earlier if first and lab.evidence.when and lab.evidence.when.last <= first.first]
    under = [lab for lab in earlier if first and lab.evidence.when and lab.evidence.when.first > first.last]
    return Markers(now, before[-1] if before else None, min(under, key=lambda lab: lab.value.hi, default=None))


def _before(one: When | None, other: When | None) -> bool:
    return one is not None and other is not None and one.order < other.order


def _judge(markers: Markers, days: Range, last: When, chart: Chart, situation: Situation, table: Table) -> Advices:
    pain = pain_or_fracture_since(chart, last)
    kidney = on_dialysis(chart, situation) is not None or present(chart, "renal-impairment")
    unseen = unseen_doses(chart, denosumab(chart, situation))
    facts: dict[str, Any] = {
        "used": [*markers.all, denosumab(chart, situation).last, *pain],
        "about": DENOSUMAB,
        "value": markers.now.value,
        "days": days,
        "nadir": markers.nadir.value if markers.nadir else "",
        "baseline": markers.baseline.value if markers.baseline else "",
        "upper": markers.now.high.hi if markers.now.high else "",
    }
    notes = [*(["pain"] if pain else []), *(["kidney"] if kidney else [])]
    if why := _rebound(markers, table):
        critical = pain and not unseen  # a dose that was not to be had may be later than the pain
        indicator = "critical" if critical else None
        yield table.advise("rebound", indicator=indicator, missing=unseen, notes=[why, *notes], **facts)
    elif _doubled(markers.now, markers.nadir, table) and markers.baseline is None and _counts(table, "nadir"):
        yield table.advise("unclear", missing=[Missing("ctx-baseline"), *unseen], notes=notes, **facts)


def _rebound(markers: Markers, table: Table) -> str | None:
    """Why it is a clear rebound, None when it is none on every value it could have."""
    now, baseline = markers.now, markers.baseline
    if _counts(table, "nadir"):
        if markers.nadir is None and _doubled(now, baseline, table):
            return "from_baseline"
        if baseline is not None and _doubled(now, markers.nadir, table) and now.value.above(baseline.value.hi):
            return "from_nadir"
    if _counts(table, "uln") and now.high is not None and now.value.above(now.high.hi):
        return "above_limit"
    return None


def _counts(table: Table, criterion: str) -> bool:
    return table.choice("rule") in (criterion, "nadir_or_uln")


def _doubled(now: Lab, earlier: Lab | None, table: Table) -> bool:
    return earlier is not None and now.value.at_least(earlier.value.hi * table.number("factor")) is True
