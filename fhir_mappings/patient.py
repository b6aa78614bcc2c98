"""The patient: age, sex, alive or not; and what care they are under (inpatient, hospice)."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files
from typing import Any, ClassVar

from fhir_mappings import views
from fhir_mappings.finding import UNREADABLE, Evidence, Finding, Key, Skipped
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.when import When, read_when

_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("patient.toml").read_text("utf-8"))


class Person(Finding, frozen=True, kw_only=True):
    """Demographics of the chart's patient (gates G1 and G2 of the clinical document)."""

    keys: ClassVar[tuple[Key, ...]] = ("patient",)
    birth: When | None = None
    sex: str | None = None  # FHIR administrative gender: male female other unknown
    deceased: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("patient",)

    def age_years(self, day: date) -> Range | None:
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


def read_person(patient: views.Patient, _: frozenset[str], shelf: Shelf) -> Read:
    """The demographics; a birth date that is none, or lies after the chart's day, is named and left unknown."""
    reference = f"Patient/{patient.id}" if patient.id else ""
    birth = read_when(patient.birth_date)
    if patient.birth_date and (birth is None or birth.first > shelf.as_of):
        birth = None
        yield Skipped(reference, UNREADABLE, "birthDate", ("age",))
    sex = patient.gender if patient.gender in _TABLE["genders"] else None
    yield Person(evidence=Evidence(reference), birth=birth, sex=sex, deceased=_is_dead(patient, shelf.as_of))


def read_encounter(encounter: views.Encounter, _: frozenset[str], shelf: Shelf) -> Read:
    """An inpatient stay that is going on; every other encounter says nothing."""
    given = encounter.class_ or []
    codings = [coding for one in given for coding in one.codings] if isinstance(given, list) else [given]
    if not any(_is_inpatient(coding) for coding in codings):
        return
    reference = f"Encounter/{encounter.id}" if encounter.id else ""
    yield from _care("inpatient", reference, encounter.status, encounter.period, _TABLE["encounter"], shelf)


def read_care(record: views.CareRecord, kind: str, shelf: Shelf) -> Read:
    """Hospice care by a Flag or a CarePlan that is in force."""
    if "hospice" not in shelf.concepts(record.code, *(record.category or [])):
        return
    reference = f"{kind}/{record.id}" if record.id else ""
    yield from _care("hospice", reference, record.status, record.period, _TABLE["care"], shelf)


def _care(
    setting: str,
    reference: str,
    status: str | None,
    period: views.Period | None,
    words: dict[str, list[str]],
    shelf: Shelf,
) -> Read:
    """The setting when the record is in force on the chart's day; a status that is not understood is named."""
    ended = read_when(period.end) if period else None
    if status in words["over"] or (ended is not None and ended.last < shelf.as_of):
        return
    if status not in words["in_force"]:
        yield Skipped(reference, UNREADABLE, "status", (setting,))
        return
    started = read_when(period.start) if period else None
    yield Care(evidence=Evidence(reference, started), setting=setting)


def _is_inpatient(coding: views.Coding) -> bool:
    """FHIR binds the element to v3 ActCode, so a class without a system is read as one."""
    listed = _TABLE["encounter"]
    return coding.code in listed["inpatient"] and (coding.system is None or coding.system in listed["systems"])


def _is_dead(patient: views.Patient, as_of: date) -> bool:
    """Dead on the chart's day; a date of death that cannot be read is a death all the same."""
    if patient.deceased_boolean or not patient.deceased_date_time:
        return bool(patient.deceased_boolean)
    died = read_when(patient.deceased_date_time)
    return died is None or died.first <= as_of


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _read_flag(flag: views.CareRecord, _: frozenset[str], shelf: Shelf) -> Read:
    return read_care(flag, "Flag", shelf)


def _read_care_plan(plan: views.CareRecord, _: frozenset[str], shelf: Shelf) -> Read:
    return read_care(plan, "CarePlan", shelf)


READERS: tuple[tuple[str, Reader], ...] = (
    ("Patient", Reader(views.Patient, read_person, anything=("patient",))),
    ("Encounter", Reader(views.Encounter, read_encounter, anything=("inpatient",))),
    ("Flag", Reader(views.CareRecord, _read_flag, anything=("hospice",))),
    ("CarePlan", Reader(views.CareRecord, _read_care_plan, anything=("hospice",))),
)
PREFETCH: dict[str, Search] = {
    "patient": Search("Patient", read="context.patientId"),
    "encounter": Search("Encounter", read="context.encounterId"),
    "flags": Search("Flag"),
    "care-plans": Search("CarePlan"),
}
