"""A bone-modifying agent without calcium and vitamin D: is there a record of them, and a reason against them?"""

from __future__ import annotations

from datetime import date

from cards.advisory import ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.calcium import LAB_LIMIT, Calcium, calcium
from cards.facts.exposure import ACTIVE, DENOSUMAB, bone_modifying, course
from cards.facts.ordered import agent, drafted_doses, for_hypercalcaemia
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Finding
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.patient import Care
from fhir_mappings.procedures import ProcedureRecord

SUPPLEMENTS = ("med-calcium", "med-vitamin-d")
RADIONUCLIDE, RADIOPHARMACEUTICAL = "proc-radionuclide-therapy", "med-radiopharma-bone"


@advisory(hooks=[PATIENT_VIEW, ORDER_SIGN], reads=[DrugRecord, Lab, Problem, ProcedureRecord, Care])
def calcium_vitd(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = sorted(drafted_doses(situation), key=lambda draft: agent(draft) != DENOSUMAB)
    taken = [one for one in bone_modifying(chart, situation) if one.status == ACTIVE]
    if drafts:
        band, name, record = "drafted", agent(drafts[0]), drafts[0]
    elif situation.hook == PATIENT_VIEW and taken and taken[0].last:
        band, name, record = "active", taken[0].drug, taken[0].last
    else:
        return
    lacking = "+".join(one for one in SUPPLEMENTS if _not_taken(one, chart, situation))
    if not lacking or _calcium_speaks_against(chart, situation, table) or _radionuclide_ahead(chart, situation, table):
        return
    level = calcium(chart, situation)
    yield table.advise(
        band,
        indicator="warning" if band == "drafted" and name == DENOSUMAB else None,
        used=[record, *(level.used if isinstance(level, Calcium) else ())],
        missing=[] if isinstance(level, Calcium) else [level],
        suggest=[table.choice(lacking)],
        about=name,
        drug=drug(name),
        supplement=table.word[lacking],
    )


def _not_taken(supplement: str, chart: Chart, situation: Situation) -> bool:
    """It is known that the supplement is neither taken nor being ordered; an old, open order may still be taken."""
    if situation.drafted(DrugRecord, supplement):
        return False
    known = course(chart, situation, supplement)
    if known.records:
        return known.status != ACTIVE and not known.order_active and chart.gap(DrugRecord) is None
    return chart.lacks(DrugRecord, supplement)


def _calcium_speaks_against(chart: Chart, situation: Situation, table: Table) -> bool:
    """Calcium is or may be high: the order's reason, the problem list, hypercalcaemia's limit or the laboratory's."""
    if any(for_hypercalcaemia(draft) for draft in drafted_doses(situation)):
        return True
    if any(problem.present and problem.certainty != "refuted" for problem in chart.all(Problem, "hypercalcaemia")):
        return True
    level = calcium(chart, situation)
    if not isinstance(level, Calcium):
        return False
    over = level.measured.high is not None and level.value.above(level.measured.high.hi) is not False
    limit = table.choice("high_calcium")
    if limit == LAB_LIMIT:  # where the laboratory gives none, what hypercalcaemia begins with
        limit = level.measured.high.hi if level.measured.high else table.number("without_lab_limit")
    return over or level.value.at_least(limit) is not False


def _radionuclide_ahead(chart: Chart, situation: Situation, table: Table) -> bool:
    """A bone-seeking radionuclide is drafted or planned soon, or for a day that is not written."""
    drafted: list[Finding] = [
        *situation.drafted(ProcedureRecord, RADIONUCLIDE),
        *situation.drafted(DrugRecord, RADIOPHARMACEUTICAL),
    ]
    before = table.days("before_radionuclide")
    plans = [
        plan
        for plan in chart.all(ProcedureRecord, RADIONUCLIDE)
        if plan.state == "planned" and _soon(plan, chart.as_of, before)
    ]
    orders = [order for order in chart.all(DrugRecord, RADIOPHARMACEUTICAL) if order.status == "active"]
    return bool(drafted or plans) or any(_dose_soon(order, chart, before) for order in orders)


def _soon(plan: ProcedureRecord, day: date, within: int) -> bool:
    when = plan.evidence.when
    return when is None or (when.last >= day and (when.first - day).days <= within)


def _dose_soon(order: DrugRecord, chart: Chart, within: int) -> bool:
    """An order for a day ahead; without a day, while no dose is on record since it was written."""
    if order.scheduled is not None:
        return order.scheduled.last >= chart.as_of and (order.scheduled.first - chart.as_of).days <= within
    given = [dose for dose in chart.all(DrugRecord, RADIOPHARMACEUTICAL) if dose.record == "given"]
    written = order.evidence.when
    return not any(written and dose.evidence.when and dose.evidence.when.last >= written.first for dose in given)
