"""Drugs: what was given, handed over, taken by report, ordered, or drafted (data contract 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec

from fhir_mappings import dosages, views
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import OTHER_VERSION, UNREADABLE, Evidence, Finding, Key, narrowest_first
from fhir_mappings.ranges import plain
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.when import When, read_period, read_when


class DrugRecord(Finding, frozen=True, kw_only=True):
    """One medication resource, or one claim-coded injection (a Procedure with J0897 and the like).

    ``concepts``: every drug concept it belongs to (``med-denosumab``, ``med-bisphosphonate-any`` ...).
    ``record``: ``given`` (MedicationAdministration, Procedure), ``dispensed``, ``stated`` or ``ordered``; this is also
    the order of trust for the last dose (``trust``, smaller is better).
    ``status``: FHIR's status of the resource (``completed`` ``active`` ``stopped`` ``draft`` ...), already
    whitelisted: entered-in-error, not-done, not-taken, intended, proposals and plans never become a finding.
    ``unknown`` is an order or an R5 statement whose standing is not told. Drafted orders are ``draft``, whatever
    their intent; a drafted discontinuation is an order in a hook's context with ``stopped``, ``cancelled``,
    ``on-hold`` or ``completed``.
    ``evidence.when`` is the dose's date (given, dispensed, stated) or the day it was ordered.
    ``start``/``stop``: the period the drug was or is to be taken, where written. ``dose_mg`` one dose in mg;
    ``interval_days`` the ordered interval; ``infusion_minutes`` the infusion time; ``route`` one of ``intravenous``
    ``subcutaneous`` ``oral`` ``topical`` or None (a rule about systemic drugs leaves ``topical`` out: skin, eye, inside
    the eye). ``reasons``: concepts of its reason codes and referenced Conditions.
    ``scheduled``: the date a drafted or ordered dose is meant for, when written.
    """

    keys: ClassVar[tuple[Key, ...]] = (
        "medication-requests",
        "medication-administrations",
        "medication-statements",
        "medication-dispenses",
    )
    concepts: frozenset[str]
    record: str
    status: str
    start: When | None = None
    stop: When | None = None
    scheduled: When | None = None
    dose_mg: Decimal | None = None
    interval_days: Decimal | None = None
    infusion_minutes: Decimal | None = None
    route: str | None = None
    reasons: frozenset[str] = frozenset()
    has_reason: bool = False  # any reason was written, understood or not
    status_reason: bool = False  # a reason for the status (a stop) was written
    display: str = ""  # the drug as the record names it, for the evidence only

    @property
    def names(self) -> tuple[str, ...]:
        return narrowest_first(self.concepts)

    @property
    def severity(self) -> Decimal | int:
        return self.dose_mg or 0

    @property
    def trust(self) -> int:
        return ("given", "dispensed", "stated", "ordered").index(self.record)


# What each FHIR status makes of a resource: the words that count, and those that say there is nothing to count. Any
# other word (``unknown``, ``on-hold`` of a dose) leaves open whether the drug was had: the resource is named, unread.
_ORDERED = frozenset({"active", "completed", "stopped", "on-hold", "cancelled", "draft", "unknown"})
_GIVEN = frozenset({"completed", "in-progress", "stopped"})  # stopped: partly given, an exposure all the same
_DISPENSED = frozenset({"completed"})
_NOT_DISPENSED = frozenset({"preparation", "in-progress", "on-hold", "cancelled", "declined"})
_STATED = frozenset({"active", "completed", "stopped", "on-hold"})
_NOT_STATED = frozenset({"intended", "not-taken", "draft"})
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_NOT_ORDERS = frozenset({"proposal", "plan", "option"})
_DRAFTED_AS = frozenset({"stopped", "cancelled", "on-hold", "completed"})  # what a draft may do to a known order
_ADHERENCE = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
_NOTHING = ""  # a status that says there is nothing to count

_CLAIMED = frozenset({"med-denosumab", "med-zoledronic-acid", "med-pamidronate", "med-ibandronate"})
"""The drugs that are billed as an injection: a Procedure coded with one of these is a dose given."""


class Drug(msgspec.Struct, frozen=True):
    """The drug a resource is about: its concepts, the raw codes (for billing units), its name as written."""

    concepts: frozenset[str]
    codes: frozenset[str]
    display: str = ""


def _request(view: views.MedicationRecord, _: frozenset[str], shelf: Shelf) -> Read:
    if view.do_not_perform:
        return
    status, element = _order_status(view, shelf), "status" if view.intent in _ORDERS else "intent"
    yield from _record(view, shelf, "MedicationRequest", "ordered", status, read_when(view.authored_on), element)


def _administration(view: views.MedicationRecord, _: frozenset[str], shelf: Shelf) -> Read:
    status = _counted(view.status, _GIVEN, frozenset({"not-done"}))
    moment = view.effective_date_time or view.occurence_date_time or view.occurrence_date_time
    when = read_when(moment) or _day_of(_effective(view), shelf)
    yield from _record(view, shelf, "MedicationAdministration", "given", status, when)


def _dispense(view: views.MedicationRecord, _: frozenset[str], shelf: Shelf) -> Read:
    status = _counted(view.status, _DISPENSED, _NOT_DISPENSED)
    when = read_when(view.when_handed_over) or read_when(view.when_prepared)
    yield from _record(view, shelf, "MedicationDispense", "dispensed", status, when)


def _statement(view: views.MedicationRecord, _: frozenset[str], shelf: Shelf) -> Read:
    status = _adhered(view.adherence) if view.status == "recorded" else _counted(view.status, _STATED, _NOT_STATED)
    yield from _record(view, shelf, "MedicationStatement", "stated", status, _stated_when(view, status, shelf))


def _claim(view: views.Procedure, concepts: frozenset[str], shelf: Shelf) -> Read:
    """An injection coded as a procedure (J0897): a dose given, of a size the code does not tell."""
    status = _counted(view.status, _GIVEN, frozenset({"not-done", "preparation"}))
    if status == _NOTHING:
        return
    drug = _named([view.code], shelf)
    if status is None:
        yield Skipped(
            _reference("Procedure", view.id, "without id"), UNREADABLE, "status", tuple(sorted(drug.concepts))
        )
        return
    period = view.performed_period or view.occurrence_period
    when = read_when(view.performed_date_time or view.occurrence_date_time) or _day_of(period, shelf)
    yield DrugRecord(
        evidence=Evidence(_reference("Procedure", view.id), when, drug.display),
        concepts=drug.concepts,
        record="given",
        status=status,
        dose_mg=dosages.dose_mg((), concepts),
        display=drug.display,
    )


def _record(
    view: views.MedicationRecord,
    shelf: Shelf,
    kind: str,
    record: str,
    status: str | None,
    when: When | None,
    element: str = "status",
) -> Read:
    """One resource as a finding; as ``Skipped`` when its drug or its status cannot be understood."""
    if status == _NOTHING:
        return
    drug = _drug(view, shelf)
    if drug is None:
        yield Skipped(_reference(kind, view.id, "without id"), UNREADABLE, _drug_element(view), _any_drug(shelf))
    elif drug.concepts and status is None:
        yield Skipped(_reference(kind, view.id, "without id"), UNREADABLE, element, tuple(sorted(drug.concepts)))
    elif drug.concepts and status is not None:
        yield _finding(view, shelf, Evidence(_reference(kind, view.id), when), drug, record, status)


def _finding(
    view: views.MedicationRecord, shelf: Shelf, evidence: Evidence, drug: Drug, record: str, status: str
) -> DrugRecord:
    instructions = _instructions(view)
    timings = [dosage.timing for dosage in instructions if dosage.timing]
    period = _taken(view, timings)
    stopped = read_when(view.status_changed) if status in ("stopped", "cancelled", "completed") else None
    dose = dosages.dose_mg(instructions, drug.concepts, drug.codes)
    written = f"{drug.display} {plain(dose)} mg".strip() if dose is not None else drug.display
    return DrugRecord(
        evidence=Evidence(evidence.reference, evidence.when, written),
        concepts=drug.concepts,
        record=record,
        status=status,
        start=read_when(period.start),
        stop=stopped or read_when(period.end),
        scheduled=_scheduled(timings) if timings else None,
        dose_mg=dose,
        interval_days=dosages.interval_days(timings),
        infusion_minutes=dosages.infusion_minutes(instructions),
        route=dosages.route([shelf.concepts(each.route) for each in instructions if each.route]),
        reasons=_reasons(view, shelf),
        has_reason=bool(view.reason_code or view.reason_reference or view.reason),
        status_reason=bool(view.status_reason),
        display=drug.display,
    )


def _order_status(view: views.MedicationRecord, shelf: Shelf) -> str | None:
    """The status of an order. A hook's drafts need neither status nor intent; a drafted stop keeps its status."""
    if view.status == "entered-in-error":
        return _NOTHING
    if shelf.draft:
        return view.status if view.status in _DRAFTED_AS else "draft"
    if view.status == "draft":
        return "draft"
    if view.intent in _NOT_ORDERS:
        return _NOTHING
    status = "completed" if view.status == "ended" else view.status  # R5's word
    return status if view.intent in _ORDERS and status in _ORDERED else None


def _counted(status: str | None, counts: frozenset[str], counts_not: frozenset[str]) -> str | None:
    if status in counts:
        return status
    return _NOTHING if status in counts_not or status == "entered-in-error" else None


def _adhered(adherence: views.Adherence | None) -> str | None:
    """R5 says in ``adherence`` what R4 said in ``status``; a recorded drug without it is of unknown status."""
    codings = adherence.code.codings if adherence and adherence.code else []
    word = next((coding.code or "" for coding in codings if coding.system == _ADHERENCE), None)
    if word is None:
        return "unknown" if adherence is None else None
    if word == "not-taking":
        return _NOTHING
    for start, status in (("taking", "active"), ("on-hold", "on-hold"), ("stopped", "stopped")):
        if word.startswith(start):
            return status
    return None


def _stated_when(view: views.MedicationRecord, status: str | None, shelf: Shelf) -> When | None:
    """The day a statement vouches for: its effective time; while the drug is still taken, the day that was said."""
    if view.effective_date_time:
        return read_when(view.effective_date_time)
    ended = read_when(view.effective_period.end) if view.effective_period else None
    if ended and ended.first <= shelf.as_of:
        return ended
    asserted = read_when(view.date_asserted) if status == "active" else None
    return asserted or _day_of(view.effective_period, shelf)


def _drug(view: views.MedicationRecord, shelf: Shelf) -> Drug | None:
    """The drug by code, by reference (contained, in the Bundle) or by ingredients; None when nothing tells it."""
    written = [view.medication_codeable_concept, view.medication]
    reference = view.medication_reference or (view.medication.reference if view.medication else None)
    if reference is not None:
        written.append(views.CodeableConcept(text=reference.display))
        written.extend(_of_medication(_referenced(reference, view, shelf), view, shelf))
    drug = _named(written, shelf)
    return drug if drug.concepts or drug.codes else None


def _named(written: Iterable[views.CodeableConcept | None], shelf: Shelf) -> Drug:
    present = [concept for concept in written if concept is not None]
    codings = [coding for concept in present for coding in concept.codings]
    names = [concept.text for concept in present] + [coding.display for coding in codings]
    return Drug(
        concepts=shelf.concepts(*present) & shelf.terminology.of_kind("medication"),
        codes=frozenset([coding.code for coding in codings if coding.code]),
        display=next(filter(None, names), ""),
    )


def _referenced(reference: views.Reference, view: views.MedicationRecord, shelf: Shelf) -> views.Medication | None:
    if reference.reference and reference.reference.startswith("#"):
        contained = view.contained or []
        return next((each for each in contained if each.id == reference.reference[1:]), None)
    return shelf.find(reference.reference, views.Medication)


def _of_medication(
    medication: views.Medication | None, view: views.MedicationRecord, shelf: Shelf
) -> Iterator[views.CodeableConcept | None]:
    """The codes of a Medication and of its ingredients, one reference deep."""
    if medication is None:
        return
    yield medication.code
    for ingredient in medication.ingredient or ():
        yield ingredient.item_codeable_concept
        yield ingredient.item
        reference = ingredient.item_reference or (ingredient.item.reference if ingredient.item else None)
        if reference is not None and (part := _referenced(reference, view, shelf)):
            yield part.code


def _any_drug(shelf: Shelf) -> tuple[str, ...]:
    """Every drug concept: what a drug that cannot be told might have been."""
    return tuple(sorted(shelf.terminology.of_kind("medication")))


def _drug_element(view: views.MedicationRecord) -> str:
    if view.medication_reference:
        return "medicationReference"
    return "medication" if view.medication else "medicationCodeableConcept"


def _instructions(view: views.MedicationRecord) -> list[views.Dosage]:
    """Every dosage element; some clients send one object where FHIR has a list."""
    written = (view.dosage, view.dosage_instruction)
    return [dosage for each in written if each for dosage in (each if isinstance(each, list) else [each])]


def _taken(view: views.MedicationRecord, timings: list[views.Timing]) -> views.Period:
    """The period the drug was or is to be taken, as written; the validity of a prescription is the last resort."""
    if period := _effective(view) or view.effective_dose_period:
        return period
    for timing in timings:
        if timing.repeat and timing.repeat.bounds_period:
            return timing.repeat.bounds_period
    return (view.dispense_request and view.dispense_request.validity_period) or views.Period()


def _scheduled(timings: list[views.Timing]) -> When | None:
    """The day the first dose is meant for: the earliest event of the timing, else the start of its bounds."""
    events = [when for timing in timings for event in timing.event or () if (when := read_when(event))]
    bounds = [timing.repeat.bounds_period for timing in timings if timing.repeat and timing.repeat.bounds_period]
    days = events or [when for period in bounds if (when := read_when(period.start))]
    return min(days, key=lambda when: when.order, default=None)


def _reasons(view: views.MedicationRecord, shelf: Shelf) -> frozenset[str]:
    """Concepts of the reasons and of the Conditions they refer to."""
    if not (view.reason_code or view.reason_reference or view.reason):
        return frozenset()
    coded = (view.reason_code or []) + (view.reason or [])
    references = (view.reason_reference or []) + [each.reference for each in view.reason or () if each.reference]
    conditions = [
        (part.code if (part := _referenced(reference, view, shelf)) else None)
        for reference in references
        if reference.reference
    ]
    return shelf.concepts(*coded, *conditions)


def _effective(view: views.MedicationRecord) -> views.Period | None:
    return view.effective_period or view.occurence_period or view.occurrence_period


def _day_of(period: views.Period | None, shelf: Shelf) -> When | None:
    return read_period(period.start, period.end, as_of=shelf.as_of) if period else None


def _reference(kind: str, identity: str | None, without: str = "") -> str:
    return f"{kind}/{identity}" if identity else f"{kind} {without}" if without else ""


def _other_version(view: views.MedicationRecord, _: frozenset[str], shelf: Shelf) -> Read:
    """DSTU2's MedicationOrder: named, when its drug is one of ours or cannot be told."""
    drug = _drug(view, shelf)
    if drug is None or drug.concepts:
        names = tuple(sorted(drug.concepts)) if drug else _any_drug(shelf)
        yield Skipped(_reference("MedicationOrder", view.id, "without id"), OTHER_VERSION, "resourceType", names)


READERS: tuple[tuple[str, Reader], ...] = (
    ("MedicationRequest", Reader(views.MedicationRecord, _request, anything=("medication",))),
    ("MedicationAdministration", Reader(views.MedicationRecord, _administration, anything=("medication",))),
    ("MedicationDispense", Reader(views.MedicationRecord, _dispense, anything=("medication",))),
    ("MedicationStatement", Reader(views.MedicationRecord, _statement, anything=("medication",))),
    ("MedicationOrder", Reader(views.MedicationRecord, _other_version, anything=("medication",))),
    ("Procedure", Reader(views.Procedure, _claim, wants=_CLAIMED)),
)

# Without codes: a search by code misses every drug that is told by reference.
PREFETCH: dict[str, Search] = {
    "medication-requests": Search("MedicationRequest", parameters="&_sort=-authoredon"),
    "medication-administrations": Search("MedicationAdministration", parameters="&_sort=-effective-time"),
    "medication-statements": Search("MedicationStatement", parameters="&_sort=-effective"),
    "medication-dispenses": Search("MedicationDispense", parameters="&_sort=-whenhandedover"),
}
