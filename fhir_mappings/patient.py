"""The patient: age, sex, alive or not; and what care they are under (inpatient, hospice)."""

from __future__ import annotations

from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.ranges import Range
from fhir_mappings.when import When


class Person(Finding, frozen=True, kw_only=True):
    """Demographics of the chart's patient (gates G1 and G2 of the clinical document)."""

    keys: ClassVar[tuple[Key, ...]] = ("patient",)
    birth: When | None = None
    sex: str | None = None  # FHIR administrative gender: male female other unknown
    deceased: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("patient",)

    def age_years(self, day) -> Range | None:  # type: ignore[no-untyped-def]
        """Completed years on ``day``; a range when the birth date is partial, None when there is none."""
        if self.birth is None:
            return None
        first, last = self.birth.first, self.birth.last
        return Range.of(_years(last, day), _years(first, day))


class Care(Finding, frozen=True, kw_only=True):
    """A setting of care: ``inpatient`` (Encounter.class) or ``hospice`` (Flag, CarePlan, Condition; ruling end)."""

    keys: ClassVar[tuple[Key, ...]] = ("encounter", "flags", "care-plans")
    setting: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.setting,)


def _years(born, day) -> int:  # type: ignore[no-untyped-def]
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
