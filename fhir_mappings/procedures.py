"""Procedures done, planned and drafted: Procedure, ServiceRequest, Appointment (data contract 5)."""

from __future__ import annotations

from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.ranges import Range
from fhir_mappings.sites import Site
from fhir_mappings.when import When


class ProcedureRecord(Finding, frozen=True, kw_only=True):
    """One procedure, in whichever state.

    ``concepts``: terminology concepts and local codes of data contract 5 (``proc-radiotherapy``, ``tooth-extraction``,
    ``long-bone-fixation`` ...); for an Appointment those of its service type and reasons.
    ``state``: ``done``, ``planned`` (ServiceRequest, Appointment) or ``draft``.
    ``evidence.when`` is when it was done or is planned for (an instant when a clock time was written).
    ``reasons``: concepts and local codes of its reason codes and referenced Conditions (``screen`` ...).
    ``urgency``: FHIR request priority (routine urgent asap stat) or None. ``dose_gy`` and ``fractions`` for
    radiotherapy, where written.
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
        return tuple(self.concepts)
