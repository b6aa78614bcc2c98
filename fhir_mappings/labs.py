"""Laboratory values, vital signs and the like: a number in the analyte's one canonical unit (``units.py``)."""

from __future__ import annotations

from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.ranges import Range


class Lab(Finding, frozen=True, kw_only=True):
    """A measured quantity.

    ``analyte`` is the terminology concept (``calcium-total``, ``albumin-serum``, ``creatinine-serum`` ...); ``value``
    is in the canonical ``unit`` of that analyte and is a range when the laboratory wrote a comparator. ``low`` and
    ``high`` are the laboratory's own reference limits in the same unit, where given.
    """

    keys: ClassVar[tuple[Key, ...]] = ("labs",)
    analyte: str
    value: Range
    unit: str
    low: Range | None = None
    high: Range | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.analyte,)

    @property
    def shown(self) -> str:
        return f"{self.value} {self.unit}"
