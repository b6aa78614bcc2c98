"""Drugs: what was given, handed over, taken by report, ordered, or drafted (data contract 4)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from fhir_mappings.finding import Finding, Key
from fhir_mappings.when import When


class DrugRecord(Finding, frozen=True, kw_only=True):
    """One medication resource, or one claim-coded injection (a Procedure with J0897 and the like).

    ``concepts``: every drug concept it belongs to (``med-denosumab``, ``med-bisphosphonate-any`` ...).
    ``record``: ``given`` (MedicationAdministration, Procedure), ``dispensed``, ``stated`` or ``ordered``; this is also
    the order of trust for the last dose (``trust``, smaller is better).
    ``status``: FHIR's status of the resource (``completed`` ``active`` ``stopped`` ``draft`` ...), already
    whitelisted: entered-in-error, not-done, not-taken, intended, proposals and plans never become a finding.
    ``evidence.when`` is the dose's date (given, dispensed, stated) or the day it was ordered.
    ``start``/``stop``: the period the drug was or is to be taken, where written. ``dose_mg`` one dose in mg;
    ``interval_days`` the ordered interval; ``infusion_minutes`` the infusion time; ``route`` one of ``intravenous``
    ``subcutaneous`` ``oral`` ``topical`` or None. ``reasons``: concepts of its reason codes and referenced Conditions.
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
        return tuple(self.concepts)

    @property
    def trust(self) -> int:
        return ("given", "dispensed", "stated", "ordered").index(self.record)
