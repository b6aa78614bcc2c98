"""Procedures done, planned and drafted: Procedure, ServiceRequest, Appointment (data contract 5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from fhir_mappings import radiotherapy, views
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import OTHER_VERSION, UNREADABLE, Evidence, Finding, Key, narrowest_first
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.sites import Site, read_site
from fhir_mappings.when import When, read_period, read_when


class ProcedureRecord(Finding, frozen=True, kw_only=True):
    """One procedure, in whichever state.

    ``concepts``: terminology concepts and local codes of data contract 5 (``proc-radiotherapy``, ``tooth-extraction``,
    ``long-bone-fixation`` ...); for an Appointment those of its service type and reasons.
    ``state``: ``done`` (Procedure), ``planned`` (an open ServiceRequest or Appointment), ``draft``; ``fulfilled`` for a
    completed request or a kept appointment: it came to pass, and the Procedure, where there is one, says when;
    ``cancelled`` for an Appointment cancelled in a hook's context (never from the chart).
    ``evidence.when`` is when it was done or is planned for (an instant when a clock time was written): of a period the
    end for what is done, the start for what is planned.
    ``reasons``: concepts and local codes of its reason codes and referenced Conditions (``screen`` ...).
    ``urgency``: FHIR request priority (routine urgent asap stat) or None. ``dose_gy`` and ``fractions`` for
    radiotherapy, where written: a range over several volumes. ``authored``: when it was asked for or booked.
    """

    keys: ClassVar[tuple[Key, ...]] = ("procedures", "service-requests", "appointments")
    concepts: frozenset[str]
    state: str
    resource: str = "Procedure"  # Procedure ServiceRequest Appointment
    sites: tuple[Site, ...] = ()
    reasons: frozenset[str] = frozenset()
    urgency: str | None = None
    authored: When | None = None
    ended: bool = True  # False for a Procedure still in progress
    dose_gy: Range | None = None
    fractions: Range | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return narrowest_first(self.concepts or self.reasons)


# FHIR's status words, and the state each makes; "" is nothing at all. A word that is not here (``unknown``, a Procedure
# ``stopped`` midway) leaves open whether it took place: the resource is named, unread.
_DONE = {"completed": "done", "in-progress": "done", "not-done": "", "preparation": "", "entered-in-error": ""}
_REQUESTED = {
    "active": "planned",
    "on-hold": "planned",
    "completed": "fulfilled",
    "draft": "draft",
    "revoked": "",
    "entered-in-error": "",
}
_BOOKED = {
    "proposed": "draft",
    "pending": "planned",
    "booked": "planned",
    "arrived": "planned",
    "checked-in": "planned",
    "waitlist": "planned",
    "fulfilled": "fulfilled",
    "cancelled": "",
    "noshow": "",
    "entered-in-error": "",
}
_OVER = frozenset({"completed", "revoked", "fulfilled", "noshow", "entered-in-error"})  # no draft, in a hook's context
_INTENDED = frozenset(
    {"plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order"}
)
_SUGGESTED = frozenset({"proposal", "option"})
_HISTORY = frozenset({"history-rt-flag", "history-chemotherapy-flag"})  # "history of ..." is a situation, not an act


def _procedure(view: views.Procedure, concepts: frozenset[str], shelf: Shelf) -> Read:
    """A Procedure. Its drug codes (J0897) are read as a dose given, in medications.py."""
    done = concepts - shelf.terminology.of_kind("medication")
    if not done or concepts & _HISTORY:
        return
    techniques = shelf.concepts(*radiotherapy.techniques(view.extension)) & shelf.terminology.of_kind("procedure")
    state = _DONE.get(view.status or "")
    if state is None:
        yield _unread("Procedure", view.id, "status", done)
    elif state:
        yield ProcedureRecord(
            evidence=_evidence("Procedure", view.id, _performed(view, shelf), [view.code]),
            concepts=done | techniques,
            state=state,
            sites=_sites(view.body_site, shelf),
            reasons=_concepts(view.reason_code, view.reason, view.reason_reference, shelf),
            ended=view.status == "completed",
            dose_gy=radiotherapy.dose_gy(view.extension),
            fractions=radiotherapy.fractions(view.extension),
        )


def _service_request(view: views.ServiceRequest, concepts: frozenset[str], shelf: Shelf) -> Read:
    """An order for a procedure, a test or a consultation whose code or detail is understood; a draft also for its
    reason alone (a receptor asked for in a reason decides about decalcification, ruling 27)."""
    if view.do_not_perform:
        return
    ordered = concepts | shelf.concepts(*(view.order_detail or ()), *radiotherapy.techniques(view.extension))
    reasons = _concepts(view.reason_code, view.reason, view.reason_reference, shelf)
    state = _request_state(view, shelf)
    if not ordered and not (state == "draft" and reasons):
        return
    if state is None:
        element = "intent" if view.status in _REQUESTED else "status"
        yield _unread("ServiceRequest", view.id, element, ordered)
    elif state:
        yield ProcedureRecord(
            evidence=_evidence("ServiceRequest", view.id, _requested_for(view), [view.code]),
            concepts=ordered,
            state=state,
            resource="ServiceRequest",
            sites=_sites(view.body_site, shelf),
            reasons=reasons,
            urgency=view.priority,
            authored=read_when(view.authored_on),
            dose_gy=radiotherapy.dose_gy(view.extension, view.quantity_quantity),
            fractions=radiotherapy.fractions(view.extension, view.quantity_quantity),
        )


def _appointment(view: views.Appointment, _: frozenset[str], shelf: Shelf) -> Read:
    reasons = _concepts(view.reason_code, view.reason, view.reason_reference, shelf)
    booked = shelf.concepts(*(view.service_type or ())) | reasons
    state = _booking_state(view.status, shelf)
    if not booked:
        return
    if state is None:
        yield _unread("Appointment", view.id, "status", booked)
    elif state:
        requested = view.requested_period[0].start if view.requested_period else None
        when = read_when(view.start) or read_when(requested)
        yield ProcedureRecord(
            evidence=_evidence("Appointment", view.id, when, [*(view.service_type or ()), *(view.reason_code or ())]),
            concepts=booked,
            state=state,
            resource="Appointment",
            reasons=reasons,
            authored=read_when(view.created),
        )


def _request_state(view: views.ServiceRequest, shelf: Shelf) -> str | None:
    """The state of an order. A hook's drafts need neither status nor intent."""
    if shelf.draft:
        return "" if view.status in _OVER else "draft"
    state = _REQUESTED.get(view.status or "")
    if not state or state == "draft":
        return state
    return state if view.intent in _INTENDED else "" if view.intent in _SUGGESTED else None


def _booking_state(status: str | None, shelf: Shelf) -> str | None:
    if not shelf.draft:
        return _BOOKED.get(status or "")
    if status == "cancelled":
        return "cancelled"
    return "" if status in _OVER else "draft"


def _performed(view: views.Procedure, shelf: Shelf) -> When | None:
    if (moment := view.performed_date_time or view.occurrence_date_time) is not None:
        return read_when(moment)
    period = view.performed_period or view.occurrence_period
    return read_period(period.start, period.end, as_of=shelf.as_of) if period else None


def _requested_for(view: views.ServiceRequest) -> When | None:
    """The day a plan begins: a moment, the start of a period (else its end), the first event of a timing."""
    if view.occurrence_date_time is not None:
        return read_when(view.occurrence_date_time)
    timing = view.occurrence_timing
    if timing and timing.event:
        return min((when for event in timing.event if (when := read_when(event))), key=lambda w: w.order, default=None)
    period = view.occurrence_period or (timing.repeat.bounds_period if timing and timing.repeat else None)
    return (read_when(period.start) or read_when(period.end)) if period else None


def _sites(sites: list[views.BodySite] | None, shelf: Shelf) -> tuple[Site, ...]:
    return tuple(site for each in sites or () if (site := read_site(each, shelf)).known)


def _concepts(
    codes: list[views.CodeableConcept] | None,
    r5: list[views.CodeableConcept] | None,
    references: list[views.Reference] | None,
    shelf: Shelf,
) -> frozenset[str]:
    """Concepts of the reasons, coded (R4 and R5) or as Conditions on the shelf."""
    referred = [*(references or ()), *(each.reference for each in r5 or () if each.reference)]
    conditions = [shelf.find(each.reference, views.Condition) for each in referred]
    return shelf.concepts(*(codes or ()), *(r5 or ()), *(each.code for each in conditions if each))


def _evidence(
    kind: str, identity: str | None, when: When | None, named: Iterable[views.CodeableConcept | None]
) -> Evidence:
    present = [concept for concept in named if concept is not None]
    names = [each.text for each in present] + [coding.display for each in present for coding in each.codings]
    return Evidence(f"{kind}/{identity}" if identity else "", when, next((name for name in names if name), ""))


def _unread(kind: str, identity: str | None, element: str, names: frozenset[str]) -> Skipped:
    reference = f"{kind}/{identity}" if identity else f"{kind} without id"
    return Skipped(reference, UNREADABLE, element, tuple(sorted(names)))


def _other_version(view: views.Identified, concepts: frozenset[str], _: Shelf) -> Read:
    """STU3's ProcedureRequest, which became ServiceRequest."""
    if concepts:
        reference = f"ProcedureRequest/{view.id}" if view.id else "ProcedureRequest without id"
        yield Skipped(reference, OTHER_VERSION, "resourceType", tuple(sorted(concepts)))


READERS: tuple[tuple[str, Reader], ...] = (
    ("Procedure", Reader(views.Procedure, _procedure, anything=("procedure",))),
    ("ServiceRequest", Reader(views.ServiceRequest, _service_request, anything=("procedure",))),
    ("Appointment", Reader(views.Appointment, _appointment, anything=("procedure",))),
    ("ProcedureRequest", Reader(views.Identified, _other_version)),
)

PREFETCH: dict[str, Search] = {
    "procedures": Search("Procedure", parameters="&_sort=-date"),
    "service-requests": Search("ServiceRequest", parameters="&_sort=-authored"),
    "appointments": Search("Appointment", parameters="&_sort=-date"),
}
