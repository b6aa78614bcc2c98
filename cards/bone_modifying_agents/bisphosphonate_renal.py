"""A bisphosphonate and the kidney: is the dose right for the clearance, and has creatinine risen under it?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cards.advice import Advice
from cards.advisory import ORDER_SELECT, ORDER_SIGN, PATIENT_VIEW, Advices, advisory
from cards.facts.exposure import ACTIVE, Course, bisphosphonates
from cards.facts.ordered import INFUSED, agent, calcium_is_high, drafted_doses, for_hypercalcaemia, for_osteoporosis
from cards.facts.renal import CLEARANCE, CREATININE, Clearance, clearance, on_dialysis
from cards.situation import Situation
from cards.table import Band, Table
from cards.text import Text, listed
from cards.words import drug
from fhir_mappings.chart import Chart
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import Missing
from fhir_mappings.labs import Lab
from fhir_mappings.medications import DrugRecord
from fhir_mappings.patient import Person
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range

LIMITED = ("med-zoledronic-acid", "med-pamidronate", "med-ibandronate")  # those whose label has clearance limits


@advisory(
    hooks=[PATIENT_VIEW, ORDER_SELECT, ORDER_SIGN],
    reads=[DrugRecord, Lab, Person, Problem, ProcedureRecord],
    asks=["hypercalcemia"],
)
def bisphosphonate_renal(chart: Chart, situation: Situation, table: Table) -> Advices:
    drafts = [draft for draft in drafted_doses(situation, *INFUSED) if draft.route != "oral"]
    for draft in drafts:
        if agent(draft) in LIMITED:
            yield from _judge(draft, chart, situation, table)
    ordered = {agent(draft) for draft in drafts}
    for name, course in bisphosphonates(chart, situation).items():
        running = situation.hook == PATIENT_VIEW and course.status == ACTIVE
        if name in INFUSED and (running or name in ordered):
            yield from _deterioration(course, chart, situation, table)


def _judge(draft: DrugRecord, chart: Chart, situation: Situation, table: Table) -> Advices:
    """One drafted dose against the label: for hypercalcaemia by creatinine alone, else by clearance."""
    if for_hypercalcaemia(draft):
        yield from _for_hypercalcaemia(draft, chart, situation, table)
    elif dialysis := on_dialysis(chart, situation):
        yield table.advise("dialysis", used=[draft, dialysis], about=agent(draft), drug=drug(agent(draft)))
    else:
        renal = clearance(chart, situation)
        if renal.value is not None:
            yield from _by_clearance(draft, renal, renal.value, chart, situation, table)
        elif chart.gap(Lab) is None and chart.gap(Person) is None:
            yield _ask(draft, renal, table)


def _by_clearance(
    draft: DrugRecord, renal: Clearance, value: Range, chart: Chart, situation: Situation, table: Table
) -> Advices:
    steps = table.reach(value, agent(draft))
    highest = steps[-1]
    if highest is None:
        yield table.advise("not-recommended", **_facts(draft, renal, chart, situation, table))
        return
    if for_osteoporosis(draft, chart, situation) or (label := _label_dose(highest, table)) is None:
        return
    if draft.dose_mg is not None and draft.dose_mg <= label:
        if len(steps) > 1:
            yield _ask(draft, renal, table)
        return
    indicator = None if draft.dose_mg is not None else "info"
    facts = _facts(draft, renal, chart, situation, table)
    yield table.advise("reduced", indicator=indicator, **facts, dose=label, ordered=_ordered(draft, table))


def _label_dose(step: Band, table: Table) -> Decimal | None:
    """The dose of a step of the label's table, None for the step of the full dose."""
    return table.number(step.name) if step.name in table.limit else None


def _ordered(draft: DrugRecord, table: Table) -> Text:
    if draft.dose_mg is None:
        return table.word["not-recorded"]
    return table.line("milligrams", dose=draft.dose_mg)


def _ask(draft: DrugRecord, renal: Clearance, table: Table) -> Advice:
    """What is missing for the clearance; its exact value, where a limit like "<60" leaves the step open."""
    missing = renal.missing or (Missing(CLEARANCE),)
    return table.advise(
        "unknown",
        used=[draft, *renal.used],
        missing=missing,
        about=agent(draft),
        drug=drug(agent(draft)),
        items=listed(table.word[one.name] for one in missing),
    )


def _facts(draft: DrugRecord, renal: Clearance, chart: Chart, situation: Situation, table: Table) -> dict[str, Any]:
    notes = ["formula"] if renal.working else ["recorded"]
    if calcium_is_high(situation):
        notes.append("high_calcium")
    painkillers = _nephrotoxic(chart)
    if painkillers:
        notes.append("nsaid")
    return {
        "used": [draft, *renal.used, *painkillers],
        "missing": renal.missing,
        "notes": notes,
        "about": agent(draft),
        "drug": drug(agent(draft)),
        "clearance": renal.shown,
        **renal.working,
    }


def _nephrotoxic(chart: Chart) -> list[DrugRecord]:
    return [record for record in chart.all(DrugRecord, "med-nsaid") if record.status == "active"][-1:]


def _for_hypercalcaemia(draft: DrugRecord, chart: Chart, situation: Situation, table: Table) -> Advices:
    """The label's reduced doses are for bone metastases; in hypercalcaemia it goes by creatinine."""
    creatinine = chart.latest(Lab, CREATININE, within_days=int(situation.setting("lab_max_age_days_creatinine")))
    facts: dict[str, Any] = {"used": [draft, creatinine], "about": agent(draft), "drug": drug(agent(draft))}
    if not creatinine:
        yield table.advise("hypercalcaemia-unknown", missing=[creatinine], **facts)
        return
    high = creatinine.value.at_least(table.number("hypercalcaemia_creatinine"))
    band = "hypercalcaemia-creatinine" if high else "hypercalcaemia"
    yield table.advise(band, **facts, creatinine=creatinine.value.rounded(0))


def _deterioration(course: Course, chart: Chart, situation: Situation, table: Table) -> Advices:
    """Creatinine has risen since before the first dose on record by more than the label allows for going on."""
    now = chart.latest(Lab, CREATININE, within_days=int(situation.setting("lab_max_age_days_creatinine")))
    before = _baseline(course, chart, situation)
    if not now or before is None:
        return
    rise = now.value.lo - before.value.hi
    normal = before.value.below(table.number("normal_baseline"))
    if rise >= table.number("rise_from_normal" if normal else "rise_from_abnormal"):
        yield table.advise(
            "risen",
            used=[now, before, course.last],
            about=course.drug,
            drug=drug(course.drug),
            now=now.value.rounded(0),
            before=before.value.rounded(0),
        )


def _baseline(course: Course, chart: Chart, situation: Situation) -> Lab | None:
    """The last creatinine on or before the day of the first dose on record, not too long before it."""
    first = course.doses[0].evidence.when if course.doses else None
    if first is None:
        return None
    oldest = int(situation.setting("lab_max_age_days"))
    earlier = [
        lab
        for lab in chart.all(Lab, CREATININE)
        if lab.evidence.when and 0 <= (first.first - lab.evidence.when.last).days <= oldest
    ]
    return earlier[-1] if earlier else None
