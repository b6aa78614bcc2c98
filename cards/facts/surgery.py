"""The operation that is being ordered or booked: which, on what day, how urgent."""

from __future__ import annotations

from cards.situation import Situation
from fhir_mappings.procedures import ProcedureRecord
from fhir_mappings.ranges import Range
from fhir_mappings.when import When, on_day

SPINE = "proc-spine-surgery"
LONG_BONE = "proc-long-bone-fixation"

IMMEDIATE = "stat"  # FHIR request priority


def drafted_surgery(situation: Situation, *kinds: str) -> ProcedureRecord | None:
    """The operation of these kinds that is drafted or being booked, the earliest when there are several.

    Of one day the one that is not an emergency, since its preparation can still be put right.
    """
    drafts = [draft for draft in situation.drafted(ProcedureRecord, *kinds) if draft.state == "draft"]

    def soonest(draft: ProcedureRecord) -> tuple[object, ...]:
        return (surgery_day(draft, situation).order, draft.urgency == IMMEDIATE, draft.names, draft.order)

    return min(drafts, key=soonest, default=None)


def surgery_day(surgery: ProcedureRecord, situation: Situation) -> When:
    """Its day; the hook's day for an order without one (clinical document 1.4)."""
    return surgery.evidence.when or on_day(situation.as_of)


def days_to(surgery: ProcedureRecord, situation: Situation, earlier: When) -> Range:
    """Whole days from an earlier event to the operation, a range when either date is partial (ruling 11)."""
    day = surgery_day(surgery, situation)
    return Range.of((day.first - earlier.last).days, (day.last - earlier.first).days)


def is_emergency(surgery: ProcedureRecord, situation: Situation) -> bool:
    """Ordered to be done at once, or an emergency of the spine is on record (ruling 30)."""
    return surgery.urgency == IMMEDIATE or any(
        advice.indicator == "critical" for advice in situation.said("spine-emergency")
    )
