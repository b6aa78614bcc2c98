"""Dose, fractions and technique of radiotherapy, from extensions (mCODE, CodeX) or a quantity."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.resources import files

import msgspec

from fhir_mappings import views
from fhir_mappings.dosages import known
from fhir_mappings.ranges import Range


class Table(msgspec.Struct, frozen=True):
    """radiotherapy.toml, checked as it is read."""

    dose: frozenset[str]
    fractions: frozenset[str]
    technique: frozenset[str]
    fraction_units: frozenset[str]
    gray: dict[str, Decimal]


TABLE = msgspec.convert(
    tomllib.loads(files("fhir_mappings").joinpath("radiotherapy.toml").read_text("utf-8"), parse_float=Decimal), Table
)


def dose_gy(extensions: Iterable[views.Extension] | None, quantity: views.Quantity | None = None) -> Range | None:
    """The total dose in Gy; over several volumes the range from the lowest to the highest. None when not written."""
    totals = [_gray(each.value_quantity) for each in _named(extensions, TABLE.dose)]
    return _range(totals or [_gray(quantity)])


def fractions(extensions: Iterable[views.Extension] | None, quantity: views.Quantity | None = None) -> Range | None:
    """The number of fractions; over several volumes the range from the lowest to the highest."""
    counts = [_count(each) for each in _named(extensions, TABLE.fractions)]
    unit = (quantity.code or quantity.unit or "").strip("{}") if quantity else ""
    return _range(counts or [known(quantity) if unit in TABLE.fraction_units else None])


def techniques(extensions: Iterable[views.Extension] | None) -> list[views.CodeableConcept]:
    """The coded modalities and techniques, which may say more than the procedure's own code."""
    return [each.value_codeable_concept for each in _named(extensions, TABLE.technique) if each.value_codeable_concept]


def _named(extensions: Iterable[views.Extension] | None, names: frozenset[str]) -> Iterator[views.Extension]:
    """Extensions, nested ones too, whose url ends in one of the names."""
    for extension in extensions or ():
        if (extension.url or "").rsplit("/", 1)[-1] in names:
            yield extension
        yield from _named(extension.extension, names)


def _gray(quantity: views.Quantity | None) -> Decimal | None:
    number = known(quantity)
    factor = (TABLE.gray.get(quantity.code or "") or TABLE.gray.get(quantity.unit or "")) if quantity else None
    return number * factor if number is not None and factor is not None else None


def _count(extension: views.Extension) -> Decimal | None:
    number = extension.value_positive_int or extension.value_unsigned_int or extension.value_integer
    return known(views.Quantity(value=number))


def _range(numbers: list[Decimal | None]) -> Range | None:
    """None when any of them is not understood: then neither end is known."""
    found = [number for number in numbers if number is not None]
    return Range.of(min(found), max(found)) if found and len(found) == len(numbers) else None
