"""Units: any listed UCUM code or spelling of a unit becomes the one canonical unit of its analyte (``units.toml``).

A number whose unit is missing or not listed stays unknown; a unit is never guessed (data contract 1.4, 1.5).
"""

from __future__ import annotations

import tomllib
import unicodedata
from decimal import Decimal
from importlib.resources import files
from typing import Literal

import msgspec

from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE, Why
from fhir_mappings.ranges import Range, from_comparator
from fhir_mappings.views import Quantity

_UCUM = "http://unitsofmeasure.org"
_UCUM_NAMES = {"unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"}
_SIGNS = str.maketrans({"µ": "u", "μ": "u", "×": "x", "^": "*", "²": "2", "³": "*3", "⁶": "*6", "⁹": "*9"})
_INVISIBLE = ("Cf", "Zs", "Cc")  # zero-width, spaces, control
_LARGEST_EXPONENT = 12


def _litres(code: str) -> str:
    """UCUM allows ``l`` and ``L`` for the litre; no listed code has another ``l``-only difference."""
    return code.replace("l", "L")


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One accepted unit: ``canonical = number * times / per + plus``; under these UCUM codes and texts."""

    ucum: list[str]
    text: list[str]
    times: Decimal = Decimal(1)
    per: Decimal = Decimal(1)
    plus: Decimal = Decimal(0)

    def canonical(self, number: Decimal) -> Decimal:
        return number * self.times / self.per + self.plus


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of quantity: its canonical unit and every unit it is understood in."""

    unit: str
    source: str
    accepts: list[Unit]
    bare: bool = False
    by_ucum: dict[str, Unit] = {}  # worked out from ``accepts``

    def __post_init__(self) -> None:
        for unit in self.accepts:
            for code in unit.ucum:
                self.by_ucum.setdefault(_litres(code), unit)

    def find(self, quantity: Quantity) -> Unit | None:
        """The unit a quantity is written in: its UCUM code, else its unit text; None when it is not understood."""
        if _is_ucum(quantity.system) and quantity.code:
            return self.by_ucum.get(_litres(quantity.code))
        written = quantity.unit or ("" if quantity.system else quantity.code) or ""
        text = spelled(written)
        if not text:
            return Unit([], []) if self.bare else None
        return next((unit for unit in self.accepts if text in unit.text or text.casefold() in unit.text), None)


class Analyte(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measured thing: its kind of quantity and what keeps an impossible number out."""

    kind: str
    plausible: tuple[Decimal, Decimal]
    step: Decimal | None = None
    better: Literal["low", "high"] = "low"
    otherwise: str | None = None
    reads_as: str | None = None
    reference_low_below: Decimal | None = None
    needs_reference: bool = False

    def allows(self, number: Decimal) -> bool:
        low, high = self.plausible
        return low <= number <= high and (self.step is None or number % self.step == 0)


class _Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kinds: dict[str, Kind]
    labs: dict[str, Analyte]
    items: dict[str, Analyte]


def _load() -> _Tables:
    text = files("fhir_mappings").joinpath("units.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _Tables)


_TABLES = _load()
KINDS = _TABLES.kinds
LABS = _TABLES.labs
ANALYTES = _TABLES.labs | _TABLES.items
_BETTER_HIGH = frozenset(name for name, analyte in ANALYTES.items() if analyte.better == "high")


def canonical(analyte: str, quantity: Quantity) -> tuple[Range, str] | Why:
    """A quantity of ``analyte`` in its canonical unit, as a range when it has a comparator; else why not.

    ``unit not understood`` when the unit is missing or not listed (scores, counts and INR need none); ``unreadable``
    when there is no finite number, the comparator is unknown, or no such value can be (``plausible``, ``step``).
    Raises KeyError for an analyte that ``units.toml`` does not name.
    """
    wanted = ANALYTES[analyte]
    kind = KINDS[wanted.kind]
    if quantity.value is None or not _finite(quantity.value):
        return UNREADABLE
    unit = kind.find(quantity)
    if unit is None:
        return UNIT_NOT_UNDERSTOOD
    number = unit.canonical(quantity.value)
    if not wanted.allows(number):
        return UNREADABLE
    found = from_comparator(number, quantity.comparator)
    return UNREADABLE if found is None else (found, kind.unit)


def severity(analyte: str, value: Range) -> Decimal:
    """Greater is worse: a lower albumin, a higher creatinine. A value with a comparator is as bad as it may be."""
    return -value.lo if analyte in _BETTER_HIGH else value.hi


def limit(analyte: str, quantity: Quantity | None, written_in: Quantity | None) -> Range | None:
    """A reference limit in the canonical unit; a limit without a unit has that of the value it belongs to.

    None when there is none or it is not understood. A limit need not be a plausible value (an upper limit of 0).
    """
    if quantity is None or quantity.value is None or not _finite(quantity.value):
        return None
    unless_written = written_in if not (quantity.unit or quantity.code) else quantity
    unit = KINDS[ANALYTES[analyte].kind].find(unless_written or quantity)
    return None if unit is None else Range.of(unit.canonical(quantity.value))


def spelled(text: str) -> str:
    """A unit text without what does not matter: spaces, zero-width characters, which micro sign, ``x`` or ``^``."""
    folded = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    visible = "".join(sign for sign in folded if unicodedata.category(sign) not in _INVISIBLE)
    return visible.removeprefix("x").removeprefix("X") if visible[1:2].isdigit() else visible


def _is_ucum(system: str | None) -> bool:
    if system == _UCUM:
        return True
    named = (system or "").strip().rstrip("/")
    return named.removeprefix("https://").removeprefix("http://").removeprefix("www.") in _UCUM_NAMES


def _finite(number: Decimal) -> bool:
    return number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT
