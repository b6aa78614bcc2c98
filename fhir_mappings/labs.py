"""Laboratory values, vital signs and the like: a number in the analyte's one canonical unit (``units.py``)."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import ClassVar, NamedTuple

import msgspec

from fhir_mappings import views
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE, Finding, Key
from fhir_mappings.observations import (
    element_of,
    evidence_of,
    has_value,
    number_in,
    original_of,
    quantity_of,
    reference_of,
    unusable,
    usable,
)
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.units import LABS, Analyte, limit, severity

_PARTS = tomllib.loads(files("fhir_mappings").joinpath("labs.toml").read_text("utf-8"))["vitamin-d-25oh"]
_VITAMIN_D = "vitamin-d-25oh"
_PLACES_SHOWN = 3
_TEXT, _PART, _WHOLE, _COMPONENT = range(4)  # on one instant the greater is believed


class Lab(Finding, frozen=True, kw_only=True):
    """A measured quantity.

    ``analyte`` is the terminology concept (``calcium-total``, ``albumin-serum``, ``creatinine-serum`` ...); ``value``
    is in the canonical ``unit`` of that analyte and is a range when the laboratory wrote a comparator. ``low`` and
    ``high`` are the laboratory's own reference limits in the same unit, where given. ``precision`` orders values of
    one instant: a component is believed over a whole, that over a part (vitamin D3 alone), that over a text.
    """

    keys: ClassVar[tuple[Key, ...]] = ("labs",)
    analyte: str
    value: Range
    unit: str
    low: Range | None = None
    high: Range | None = None
    precision: int = _WHOLE

    @property
    def names(self) -> tuple[str, ...]:
        return (self.analyte,)

    @property
    def shown(self) -> str:
        number = str(self.value.rounded(_PLACES_SHOWN))
        return number if self.unit.startswith("{") else f"{number} {self.unit}"  # {INR} is a note of UCUM, not a unit

    @property
    def rank(self) -> int:
        return self.precision

    @property
    def severity(self) -> Decimal:
        return severity(self.analyte, self.value)


class _Measured(NamedTuple):
    """One value on its way: the analyte of its code, what it is reported as, where it stood, how far it is believed."""

    analyte: str
    reported: str
    value: views.Value
    path: str
    precision: int


def read_labs(observation: views.Observation, _: frozenset[str], shelf: Shelf) -> Read:
    """The values of an Observation and of its components; what cannot be read is named with its reason."""
    measured = _measured(observation, shelf)
    if usable(observation.status) is None:
        skipped = unusable(observation, tuple(one.reported for one in measured if isinstance(one, _Measured)))
        yield from [skipped] if skipped else []
        return
    labs: list[Lab] = []
    for one in measured:
        outcome = one if isinstance(one, Skipped) else _lab(one, observation)
        if isinstance(outcome, Skipped):
            yield outcome
        else:
            labs.append(outcome)
    yield from _with_whole_vitamin_d(labs)


def _measured(observation: views.Observation, shelf: Shelf) -> list[_Measured | Skipped]:
    components = observation.component or []
    found = [
        _of_code(observation, component, f"component[{index}].", _COMPONENT, shelf)
        for index, component in enumerate(components)
    ]
    if not components or has_value(observation):
        found.insert(0, _of_code(observation, observation, "", _WHOLE, shelf))
    return [one for one in found if one is not None]


def _of_code(
    observation: views.Observation, value: views.Value, path: str, precision: int, shelf: Shelf
) -> _Measured | Skipped | None:
    """What the code of the value is about; None when it is no measurement of ours."""
    concepts = shelf.concepts(value.code)
    analytes = sorted(concepts & LABS.keys())
    if not analytes:
        return None
    if len(analytes) > 1 or any(concept.endswith(("-exclude", "-deprecated")) for concept in concepts):
        return Skipped(reference_of(observation), UNREADABLE, f"{path}code", tuple(analytes))
    analyte = reported = analytes[0]
    if value.value_quantity is None and value.value_string is not None:
        precision = _TEXT
    if analyte == _VITAMIN_D and (part := _part_of_vitamin_d(value.code)):
        precision = min(precision, _PART)
        reported = _PARTS["d2_alone"] if part == "d2" else _VITAMIN_D
    return _Measured(analyte, LABS[analyte].reads_as or reported, value, path, precision)


def _lab(one: _Measured, observation: views.Observation) -> Lab | Skipped:
    analyte, reported = one.analyte, one.reported
    found = number_in(analyte, one.value)
    if found == UNIT_NOT_UNDERSTOOD and (otherwise := LABS[analyte].otherwise):
        analyte = reported = otherwise
        found = number_in(analyte, one.value)
    if isinstance(found, str):
        return Skipped(reference_of(observation), found, one.path + element_of(one.value), (one.reported,))
    low, high = _reference_limits(analyte, one.value)
    if _is_another_scale(LABS[analyte], low):
        return Skipped(reference_of(observation), UNREADABLE, f"{one.path}referenceRange", (one.reported,))
    return Lab(
        evidence=evidence_of(observation, original_of(one.value)),
        analyte=reported,
        value=found[0],
        unit=found[1],
        low=low,
        high=high,
        precision=one.precision,
    )


def _is_another_scale(rules: Analyte, low: Range | None) -> bool:
    """An "ionised" calcium with the reference range of total calcium, or one that needs a range to tell."""
    if rules.reference_low_below is None:
        return False
    return rules.needs_reference if low is None else low.lo >= rules.reference_low_below


def _reference_limits(analyte: str, value: views.Value) -> tuple[Range | None, Range | None]:
    """The laboratory's limits; none when it gave several ranges, since which one is this patient's is not known."""
    ranges = [given for given in value.reference_range or [] if given.low or given.high]
    if len(ranges) != 1:
        return None, None
    written_in = quantity_of(value)
    return limit(analyte, ranges[0].low, written_in), limit(analyte, ranges[0].high, written_in)


def _part_of_vitamin_d(code: views.CodeableConcept | None) -> str | None:
    codes = {coding.code for coding in code.codings} if code else set()
    if codes & set(_PARTS["d3"]):
        return None if codes & set(_PARTS["d2"]) else "d3"
    return "d2" if codes & set(_PARTS["d2"]) else None


def _with_whole_vitamin_d(labs: list[Lab]) -> list[Lab]:
    """A panel that reports vitamin D2 and D3 but no total has their sum as the total."""
    d2 = [lab for lab in labs if lab.analyte == _PARTS["d2_alone"]]
    if len(d2) != 1:
        return labs
    d3 = [lab for lab in labs if lab.analyte == _VITAMIN_D and lab.precision == _PART]
    whole = [lab for lab in labs if lab.analyte == _VITAMIN_D and lab.precision != _PART]
    if whole or len(d3) != 1:
        return labs
    evidence = msgspec.structs.replace(
        d3[0].evidence, original=f"{d2[0].evidence.original} + {d3[0].evidence.original}"
    )
    total = _sum(d2[0].value, d3[0].value)
    return [*labs, msgspec.structs.replace(d3[0], evidence=evidence, value=total, precision=_COMPONENT)]


def _sum(one: Range, other: Range) -> Range:
    return Range(one.lo + other.lo, one.hi + other.hi, one.lo_open or other.lo_open, one.hi_open or other.hi_open)


_CONCEPTS = tuple(sorted(LABS.keys() - {rules.otherwise for rules in LABS.values()}))
_NAMES: dict[str, tuple[str, ...]] = {
    name: tuple(filter(None, (rules.reads_as or name, rules.otherwise)))
    for name, rules in LABS.items()
    if rules.reads_as or rules.otherwise
}
READERS: tuple[tuple[str, Reader], ...] = (
    ("Observation", Reader(views.Observation, read_labs, wants=frozenset(_CONCEPTS), names=_NAMES)),
)
PREFETCH: dict[str, Search] = {"labs": Search("Observation", concepts=_CONCEPTS, parameters="&_sort=-date")}
