"""One dose, its interval, its infusion time and its route, out of FHIR Dosage elements.

What a product holds and what a unit is worth stand in dosages.toml, each with its source. Nothing is taken from text.
Several instructions count only where they agree: a drug written in two different doses has no one dose.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.resources import files
from typing import TypeVar

import msgspec

from fhir_mappings import views

T = TypeVar("T")


class Product(msgspec.Struct, frozen=True):
    """One container of a product: milligrams, and the volumes it is sold in (mL)."""

    holds_mg: Decimal
    volumes_ml: tuple[Decimal, ...]
    source: str


class Units(msgspec.Struct, frozen=True):
    milligrams: dict[str, Decimal]
    millilitres: dict[str, Decimal]
    containers: frozenset[str]
    billing: frozenset[str]


class Abbreviations(msgspec.Struct, frozen=True):
    systems: frozenset[str]
    code: dict[str, tuple[Decimal, Decimal]]  # times, days


class Table(msgspec.Struct, frozen=True):
    """dosages.toml, checked as it is read."""

    product: dict[str, Product]
    billing_unit_mg: dict[str, Decimal]
    unit: Units
    seconds: dict[str, Decimal]
    abbreviation: Abbreviations
    route: dict[str, str]


TABLE = msgspec.convert(
    tomllib.loads(files("fhir_mappings").joinpath("dosages.toml").read_text("utf-8"), parse_float=Decimal), Table
)


def dose_mg(
    dosages: Iterable[views.Dosage], concepts: frozenset[str] = frozenset(), codes: frozenset[str] = frozenset()
) -> Decimal | None:
    """One dose in mg, None when it is not written, not understood, or not the same in every instruction.

    ``concepts`` tell the product (``med-denosumab-120``): without a written dose it is one container; a dose in vials
    or mL is read by what the container holds. ``codes`` tell a billing code (``J0897``): a dose in units is read by it.
    """
    products = [TABLE.product[concept] for concept in concepts if concept in TABLE.product]
    product = products[0] if len(products) == 1 else None
    written = [quantity for dosage in dosages for quantity in _doses(dosage)]
    if not written:
        return product.holds_mg if product else None
    return _agreed([_milligrams(quantity, product, codes) for quantity in written])


def interval_days(timings: Iterable[views.Timing]) -> Decimal | None:
    """Days from one dose to the next as ordered (twice a day is 0.5), None when it is not written as one number."""
    return _agreed([days for timing in timings if (days := _interval(timing)) is not None])


def infusion_minutes(dosages: Iterable[views.Dosage]) -> Decimal | None:
    """How long one dose is to run, in minutes: the timing's duration, else the dose over its rate."""
    times = [_duration(dosage) or _dose_over_rate(dosage) for dosage in dosages]
    return _agreed([minutes for minutes in times if minutes is not None])


def route(concepts: Iterable[frozenset[str]]) -> str | None:
    """The route in the words of ``DrugRecord.route``, from the concepts of each route written."""
    return _agreed([word for each in concepts for concept, word in TABLE.route.items() if concept in each])


def known(quantity: views.Quantity | None) -> Decimal | None:
    """The positive, finite number of a quantity without comparator; None for anything else."""
    if quantity is None or quantity.value is None or quantity.comparator:
        return None
    return _positive(quantity.value)


def parts(dosage: views.Dosage) -> list[views.DoseAndRate]:
    """``doseAndRate`` as a list: some clients send one object."""
    found = dosage.dose_and_rate
    return found if isinstance(found, list) else [found] if found else []


def _doses(dosage: views.Dosage) -> Iterator[views.Quantity | None]:
    """Every dose as written; None for one written as a range, which is no one dose."""
    for part in parts(dosage):
        if part.dose_quantity or part.dose_range:
            yield part.dose_quantity
    if dosage.dose:
        yield dosage.dose


def _milligrams(quantity: views.Quantity | None, product: Product | None, codes: frozenset[str]) -> Decimal | None:
    number = known(quantity)
    if quantity is None or number is None:
        return None
    for written in (quantity.code, quantity.unit):
        unit = _plain(written)
        if unit in TABLE.unit.milligrams:
            return number * TABLE.unit.milligrams[unit]
        if unit in TABLE.unit.containers:
            return number * product.holds_mg if product else None
        if unit in TABLE.unit.millilitres:
            return _dissolved(number * TABLE.unit.millilitres[unit], product)
        if unit in TABLE.unit.billing:
            unit_mg = _agreed([TABLE.billing_unit_mg[code] for code in codes if code in TABLE.billing_unit_mg])
            return number * unit_mg if unit_mg else None
    return None


def _dissolved(millilitres: Decimal, product: Product | None) -> Decimal | None:
    """What a volume of the product holds; a part of it only where the product comes in one strength."""
    if product is None:
        return None
    if millilitres in product.volumes_ml:
        return product.holds_mg
    if len(product.volumes_ml) > 1:
        return None
    return millilitres * product.holds_mg / product.volumes_ml[0]


def _interval(timing: views.Timing) -> Decimal | None:
    if timing.repeat and timing.repeat.period is not None:
        return _repeated(timing.repeat)
    for coding in timing.code.codings if timing.code else ():
        if coding.system in TABLE.abbreviation.systems and coding.code in TABLE.abbreviation.code:
            times, days = TABLE.abbreviation.code[coding.code]
            return days / times
    return None


def _repeated(repeat: views.Repeat) -> Decimal | None:
    """``frequency`` times a ``period``; a period with a longer ``periodMax`` is no one interval."""
    period = _positive(repeat.period)
    frequency = _positive(repeat.frequency) if repeat.frequency is not None else Decimal(1)
    seconds = TABLE.seconds.get(repeat.period_unit or "")
    if period is None or frequency is None or seconds is None or repeat.period_max not in (None, repeat.period):
        return None
    return period * seconds / (TABLE.seconds["d"] * frequency)


def _duration(dosage: views.Dosage) -> Decimal | None:
    repeat = dosage.timing.repeat if dosage.timing else None
    if repeat is None or (duration := _positive(repeat.duration)) is None:
        return None
    seconds = TABLE.seconds.get(repeat.duration_unit or "")
    return duration * seconds / TABLE.seconds["min"] if seconds else None


def _dose_over_rate(dosage: views.Dosage) -> Decimal | None:
    """100 mL at 400 mL/h is 15 minutes; only where dose and rate are written in the same unit."""
    written: list[views.DoseAndRate | views.Dosage] = [*parts(dosage), dosage]
    for part in written:
        if (rate := _rate(part)) is None:
            continue
        dose = part.dose if isinstance(part, views.Dosage) else part.dose_quantity
        amount = known(dose)
        if amount is not None and dose is not None and rate[1] in (_plain(dose.code), _plain(dose.unit)):
            return amount / rate[0]
    return None


def _rate(part: views.DoseAndRate | views.Dosage) -> tuple[Decimal, str] | None:
    """(amount a minute, unit of the amount) of a rate written as a quantity (``mL/h``) or as a ratio."""
    if (ratio := part.rate_ratio) and ratio.numerator and ratio.denominator:
        over, amount = ratio.denominator, known(ratio.numerator)
        unit, time, span = _plain(ratio.numerator.code or ratio.numerator.unit), over.code or over.unit, known(over)
    elif part.rate_quantity and (per := (part.rate_quantity.code or part.rate_quantity.unit or "")).count("/") == 1:
        amount, span = known(part.rate_quantity), Decimal(1)
        unit, time = _plain(per.split("/")[0]), per.split("/")[1]
    else:
        return None
    seconds = TABLE.seconds.get(_plain(time))
    if amount is None or span is None or seconds is None or not unit:
        return None
    return amount * TABLE.seconds["min"] / (span * seconds), unit


def _plain(unit: str | None) -> str:
    return (unit or "").strip().strip("{}[]").strip().lower()


def _positive(number: Decimal | None) -> Decimal | None:
    """None for zero, negative, infinite, and numbers of a size no dose or time has (arithmetic would fail on them)."""
    if number is None or not number.is_finite() or number <= 0 or abs(number.adjusted()) > 12:
        return None
    return number


def _agreed(values: Iterable[T | None]) -> T | None:
    """The one value all of them have, else None."""
    found = set(values)
    return found.pop() if len(found) == 1 else None
