"""An order of a bone-modifying agent against its schedule: dose, infusion time, interval, days since the last dose."""

from __future__ import annotations

from typing import Any

from cards.advisory import ORDER_SIGN, Advices, advisory
from cards.facts.exposure import DENOSUMAB, ONCOLOGY, OSTEOPOROSIS, course, denosumab, product
from cards.facts.ordered import INFUSED, agent, drafted_doses, for_hypercalcaemia, for_osteoporosis
from cards.situation import Situation
from cards.table import Table
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.medications import DrugRecord

CLODRONATE, IBANDRONATE = "med-clodronate", "med-ibandronate"


@advisory(hooks=[ORDER_SIGN], reads=[DrugRecord, Problem])
def bma_dose(chart: Chart, situation: Situation, table: Table) -> Advices:
    for draft in drafted_doses(situation):
        schedule = _schedule(draft)
        if f"{schedule}-dose" in table.limit and not _other_schedule(draft, chart, situation):
            facts = {"about": agent(draft), "notes": [schedule], "drug": drug(agent(draft))}
            yield from _dose(draft, schedule, facts, table)
            yield from _infusion(draft, schedule, facts, table)
            yield from _interval(draft, facts, chart, situation, table)
            yield from _too_soon(draft, facts, chart, situation, table)


def _schedule(draft: DrugRecord) -> str:
    """The name of the row of the table: clodronate has one by mouth and one by vein; oral ibandronate has none."""
    name = agent(draft).removeprefix("med-")
    if agent(draft) == CLODRONATE and draft.route == "intravenous":
        return f"{name}-intravenous"
    return f"{name}-oral" if agent(draft) == IBANDRONATE and draft.route == "oral" else name


def _other_schedule(draft: DrugRecord, chart: Chart, situation: Situation) -> bool:
    """Osteoporosis has its own schedules; the 60 mg product is judged by denosumab-product (gate G5)."""
    if for_osteoporosis(draft, chart, situation):
        return True
    known = [*denosumab(chart, situation).records, draft]
    return agent(draft) == DENOSUMAB and product(chart, situation, known) == OSTEOPOROSIS


def _dose(draft: DrugRecord, schedule: str, facts: dict[str, Any], table: Table) -> Advices:
    """One dose above the table's; of clodronate by mouth the dose of a day."""
    dose, most = draft.dose_mg, table.number(f"{schedule}-dose")
    if dose is None:
        return
    if schedule == "clodronate" and draft.interval_days is not None and draft.interval_days < 1:
        dose = dose / draft.interval_days
    if dose > most:
        yield table.advise("dose", used=[draft], ordered=dose, expected=most, **facts)


def _infusion(draft: DrugRecord, schedule: str, facts: dict[str, Any], table: Table) -> Advices:
    name = f"{schedule}-minutes"
    if name not in table.limit or draft.infusion_minutes is None:
        return
    if draft.infusion_minutes < table.number(name):
        minutes = draft.infusion_minutes
        yield table.advise("infusion", used=[draft], ordered=minutes, expected=table.number(name), **facts)


def _interval(draft: DrugRecord, facts: dict[str, Any], chart: Chart, situation: Situation, table: Table) -> Advices:
    """The ordered interval (ruling 19); of denosumab only where it is surely the oncology schedule."""
    if draft.interval_days is None:
        return
    facts = facts | {"used": [draft], "ordered": draft.interval_days}
    if agent(draft) == DENOSUMAB:
        oncology = product(chart, situation, [draft]) == ONCOLOGY
        if oncology and draft.interval_days < table.number("denosumab-interval"):
            yield table.advise("denosumab-interval", **facts)
    elif agent(draft) in INFUSED:
        least = table.number("retreatment" if for_hypercalcaemia(draft) else "interval")
        if draft.interval_days < least:
            yield table.advise("interval", expected=least, **facts)


def _too_soon(draft: DrugRecord, facts: dict[str, Any], chart: Chart, situation: Situation, table: Table) -> Advices:
    """Days from the last dose to the day this one is for; of denosumab that is denosumab-interval's matter."""
    last = course(chart, situation, agent(draft)).last
    if agent(draft) not in INFUSED or last is None or last.record == "ordered" or last.evidence.when is None:
        return
    least = table.number("retreatment" if for_hypercalcaemia(draft) else "interval")
    since = last.evidence.when.days_before(draft.scheduled.first if draft.scheduled else situation.as_of)
    if since.at_least(0) and since.below(least):
        yield table.advise("early", used=[last, draft], ordered=since, expected=least, **facts)
