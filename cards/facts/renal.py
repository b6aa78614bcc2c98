"""Renal function as the labels ask for it: creatinine clearance, recorded or by Cockcroft and Gault, never an eGFR."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import msgspec

from cards.situation import Situation
from cards.table import Cells
from fhir_mappings.chart import Chart, derived
from fhir_mappings.conditions import Problem
from fhir_mappings.finding import NOT_RECORDED, Finding, Missing
from fhir_mappings.labs import Lab
from fhir_mappings.patient import Person
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import INFINITY, Range

CLEARANCE, CREATININE, WEIGHT = "creatinine-clearance", "creatinine-serum", "body-weight"
DIALYSIS = "dialysis"


class Clearance(msgspec.Struct, frozen=True):
    """``value`` in mL/min, unrounded; None while an input is ``missing``. ``used``: the findings it rests on.

    ``shown`` is the value as a card says it. ``working``: the numbers of the formula for the note that shows it, empty
    for a recorded clearance. An unknown sex widens the value instead of hiding it.
    """

    value: Range | None = None
    shown: Range | None = None
    used: tuple[Finding, ...] = ()
    missing: tuple[Missing, ...] = ()
    working: dict[str, Any] = {}


@derived
def clearance(chart: Chart, situation: Situation) -> Clearance:
    """The creatinine clearance: a recorded one, unless a creatinine of a later day tells more."""
    table = situation.table("renal")
    young = int(situation.setting("lab_max_age_days_creatinine"))
    recorded = chart.all(Lab, CLEARANCE, within_days=young)
    computed = _cockcroft_gault(chart, situation, table)
    if recorded and not (computed.value is not None and _later(computed.used[0], recorded[-1])):
        newest = recorded[-1]
        return Clearance(newest.value, _cut(newest.value, table), (newest,))
    return computed


@derived
def on_dialysis(chart: Chart, situation: Situation) -> Finding | None:
    """What says that the patient is on dialysis: a present Condition, or a session not long ago."""
    problems = [entry for entry in chart.all(Problem, DIALYSIS) if entry.present and entry.certainty == "confirmed"]
    recent = situation.table("renal").days("dialysis_recent")
    sessions = [
        session
        for session in chart.all(ProcedureRecord, DIALYSIS, within_days=recent)
        if session.state in ("done", "fulfilled")
    ]
    return next(iter([*problems[-1:], *sessions[-1:]]), None)


def _cockcroft_gault(chart: Chart, situation: Situation, table: Cells) -> Clearance:
    """The formula on whatever ranges its inputs are: each end with the ends that make it extreme."""
    creatinine = chart.latest(Lab, CREATININE, within_days=int(situation.setting("lab_max_age_days_creatinine")))
    weight = chart.latest(Lab, WEIGHT, within_days=int(situation.setting("lab_max_age_days")))
    person = chart.person
    age = person.age_years(chart.as_of) if person else None
    missing = [one for one in (creatinine, weight) if isinstance(one, Missing)]
    if age is None:
        missing.append(Missing("age", chart.gap(Person) or NOT_RECORDED))
    if isinstance(creatinine, Missing) or isinstance(weight, Missing) or age is None:
        return Clearance(missing=tuple(missing))
    factor = _factor(person.sex if person else None, table)
    value = _formula(age, weight.value, factor, creatinine.value, table)
    return Clearance(
        value=value,
        shown=_cut(value, table),
        used=(creatinine, weight),
        missing=() if factor.exact else (Missing("sex"),),
        working={
            "age": age,
            "kg": weight.value,
            "factor": factor,
            "creatinine": creatinine.value,
        },
    )


def _factor(sex: str | None, table: Cells) -> Range:
    female, male = table.number("female"), table.number("male")
    return {"female": Range.of(female), "male": Range.of(male)}.get(sex or "", Range.of(female, male))


def _formula(age: Range, weight: Range, factor: Range, creatinine: Range, table: Cells) -> Range:
    years, constant = table.number("age_constant"), table.number("creatinine_constant")
    per_mg = table.number("umol_per_mg_dl")
    low = max(years - age.hi, Decimal(0)) * weight.lo * factor.lo
    high = max(years - age.lo, Decimal(0)) * weight.hi * factor.hi
    return Range(
        _over(low, constant * creatinine.hi / per_mg),
        _over(high, constant * creatinine.lo / per_mg),
        creatinine.hi_open or weight.lo_open,
        creatinine.lo_open or weight.hi_open,
    )


def _over(amount: Decimal, divisor: Decimal) -> Decimal:
    """The quotient; a creatinine known only as "below ..." may be as good as none, one "above ..." has no end."""
    if divisor == INFINITY:
        return Decimal(0)
    return amount / divisor if divisor > 0 else INFINITY


def _cut(value: Range, table: Cells) -> Range:
    step = Decimal(1).scaleb(-table.days("places"))
    return value.map(lambda number: number if number.is_infinite() else number.quantize(step, rounding=ROUND_FLOOR))


def _later(one: Finding, other: Finding) -> bool:
    first, second = one.evidence.when, other.evidence.when
    return bool(first and second and first.first > second.last)
