"""What every reader of Observations needs: is it usable, when was it, what was written, which number is it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from fhir_mappings.chart import Skipped
from fhir_mappings.finding import UNREADABLE, Evidence, Why
from fhir_mappings.ranges import INFINITY, Range
from fhir_mappings.units import canonical
from fhir_mappings.views import CodeableConcept, Observation, Quantity, SimpleRange, Value
from fhir_mappings.when import When, read_when

if TYPE_CHECKING:
    from fhir_mappings.reading import Shelf

RESULTS = ("positive", "negative", "equivocal")
Usable = Literal["final", "preliminary"]

_FINAL = {"final", "amended", "corrected"}
_IGNORED = {"registered", "cancelled", "entered-in-error"}
_SHAPES = (
    "value_quantity",
    "value_integer",
    "value_decimal",
    "value_string",
    "value_boolean",
    "value_codeable_concept",
    "value_date_time",
    "value_range",
)
_COMPARATORS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">"}
_WRITTEN_NUMBER = re.compile(
    r"\s*(<=|>=|[<>≤≥＜＞])?\s*([+-]?\d{1,12}(?:\.\d{1,12})?)(?![\d.,])\s*(\D.{0,40})?", re.DOTALL
)


def usable(status: str | None) -> Usable | None:
    """``final`` or ``preliminary`` (used, and the card says so), None for every status that is not used (ruling 34)."""
    if status in _FINAL:
        return "final"
    return "preliminary" if status == "preliminary" else None


def unusable(observation: Observation, names: tuple[str, ...]) -> Skipped | None:
    """What to say of an Observation that is not usable: nothing when FHIR says it is no result, else that its status
    is not understood."""
    if observation.status in _IGNORED:
        return None
    return Skipped(reference_of(observation), UNREADABLE, "status", names)


def when_of(observation: Observation) -> When | None:
    """The clinical date: ``effective[x]`` (the end of a period, its start while it runs), else ``issued``.

    An ``effective[x]`` that is not a date is an unknown date: when it was issued may be much later.
    """
    period = observation.effective_period
    written = (
        observation.effective_date_time
        or observation.effective_instant
        or (period and (period.end or period.start))
        or observation.issued
    )
    return read_when(written or None)


def evidence_of(observation: Observation, original: str = "") -> Evidence:
    """The evidence of a finding read from this Observation; ``original`` is the value as it was written."""
    preliminary = usable(observation.status) == "preliminary"
    return Evidence(reference_of(observation), when_of(observation), original, preliminary)


def reference_of(observation: Observation) -> str:
    return f"Observation/{observation.id}" if observation.id else ""


def absent(value: Value) -> Why | None:
    """``absent: <code>`` when a reason for the absence was recorded; it counts even beside a value."""
    reason = value.data_absent_reason
    if reason is None:
        return None
    return f"absent: {next((coding.code for coding in reason.codings if coding.code), 'unknown')}"


def has_value(value: Value) -> bool:
    """Whether anything is said at all: a value, or why there is none."""
    return value.data_absent_reason is not None or any(getattr(value, shape) is not None for shape in _SHAPES)


def element_of(value: Value) -> str:
    """The FHIR name of the value element that is there (``valueQuantity``), for naming what was not read."""
    if value.data_absent_reason is not None:
        return "dataAbsentReason"
    found = next((shape for shape in _SHAPES if getattr(value, shape) is not None), "value")
    first, *rest = found.split("_")
    return first + "".join(word.capitalize() for word in rest)


def number_in(name: str, value: Value) -> tuple[Range, str] | Why:
    """The number of analyte or item ``name`` in its canonical unit, with that unit; else why there is none.

    Reads ``valueQuantity``, ``valueRange``, a ``valueString`` holding "number unit" with or without a comparator, and
    numbers without a unit where the analyte needs none. Raises KeyError for a name that ``units.toml`` does not hold.
    """
    if (reason := absent(value)) is not None:
        return reason
    if value.value_range is not None:
        return _between(name, value.value_range)
    quantity = quantity_of(value)
    return UNREADABLE if quantity is None else canonical(name, quantity)


def quantity_of(value: Value) -> Quantity | None:
    """The value as a Quantity, whichever shape it has; None when it is not a number."""
    if value.value_quantity is not None:
        return value.value_quantity
    for number in (value.value_integer, value.value_decimal):
        if number is not None:
            return Quantity(value=number)
    return None if value.value_string is None else _written(value.value_string)


def original_of(value: Value) -> str:
    """The value as it was written: ``12.0 mg/dL``, ``<30 mL/min``, ``true``, a display or a code."""
    if value.value_quantity is not None:
        return _shown(value.value_quantity)
    if value.value_range is not None:
        ends = (value.value_range.low, value.value_range.high)
        return " - ".join(_shown(end) for end in ends if end is not None)
    if value.value_codeable_concept is not None:
        return label(value.value_codeable_concept)
    if value.value_boolean is not None:
        return str(value.value_boolean).lower()
    other = next((number for number in (value.value_integer, value.value_decimal) if number is not None), None)
    return (value.value_string or "").strip() if other is None else str(other)


def label(concept: CodeableConcept) -> str:
    """A coded value as a person wrote it: its text, else a display, else a code."""
    if concept.text:
        return concept.text
    codings = concept.codings
    for coding in codings:
        if coding.display:
            return coding.display
    for coding in codings:
        if coding.code:
            return coding.code
    return ""


def values_of(observation: Observation) -> Iterator[Value]:
    """The Observation itself, unless all it says stands in its components, and these."""
    components = observation.component or []
    if not components or has_value(observation):
        yield observation
    yield from components


def interpretations_of(value: Value) -> list[CodeableConcept]:
    """The interpretations, one or many (STU3 had one)."""
    stated = value.interpretation or []
    return stated if isinstance(stated, list) else [stated]


def codings_of(concept: CodeableConcept | None) -> set[str]:
    """The codings as ``system|code``."""
    return {f"{coding.system}|{coding.code}" for coding in concept.codings} if concept else set()


def locals_of(concept: CodeableConcept | None, shelf: Shelf) -> set[str]:
    """Every local code that the codings are or are mapped to; several mean that they contradict."""
    codings = concept.codings if concept else []
    return {code for one in codings if (code := shelf.terminology.said(one.system, one.code).local) is not None}


def result_of(concept: CodeableConcept | None, shelf: Shelf) -> str | None:
    """``positive``, ``negative`` or ``equivocal``, in any of the codes the terminology has for it."""
    said = shelf.concepts(concept)
    return only_one({result for result in RESULTS if f"value-{result}" in said})


def only_one(answers: set[str]) -> str | None:
    """The one answer; none when there is none or when they contradict."""
    return next(iter(answers)) if len(answers) == 1 else None


def _between(name: str, limits: SimpleRange) -> tuple[Range, str] | Why:
    ends = [canonical(name, end) for end in (limits.low, limits.high) if end is not None]
    unread = next((end for end in ends if isinstance(end, str)), None)
    known = [end for end in ends if not isinstance(end, str)]
    if unread is not None or not known:
        return unread or UNREADABLE
    unit = known[0][1]
    low = known[0][0].lo if limits.low else -INFINITY
    high = known[-1][0].hi if limits.high else INFINITY
    return UNREADABLE if low > high else (Range(low, high), unit)


def _written(text: str) -> Quantity | None:
    """``"<30 mL/min"`` as a Quantity. A comma is not read: it may stand for a decimal point or for thousands."""
    found = _WRITTEN_NUMBER.fullmatch(text)
    if found is None:
        return None
    comparator, number, unit = found.groups()
    return Quantity(
        value=Decimal(number), comparator=_COMPARATORS.get(comparator, comparator), unit=(unit or "").strip() or None
    )


def _shown(quantity: Quantity) -> str:
    number = "" if quantity.value is None else str(quantity.value)
    return f"{quantity.comparator or ''}{number} {quantity.unit or quantity.code or ''}".strip()
