"""Feedback: what became of the cards (cds-hooks F1 to F3).

What is kept says nothing of a patient. A comment is a user's own words and may name one, so it is counted and not kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, request

from cds_service import metrics
from cds_service.body import read_body
from cds_service.discovery import Service
from cds_service.errors import Refusal, place_of
from cds_service.replies import reply
from cds_service.store import ACCEPTED, OVERRIDDEN, FeedbackEntry, Store, StoreError, failed

MOST = 1000  # cards in one post; more come in a second one
_LONGEST_CODE, _LONGEST_SYSTEM = 128, 512


class _Suggestion(msgspec.Struct):
    id: str


class _Coding(msgspec.Struct):
    code: str | None = None
    system: str | None = None


class _Reason(msgspec.Struct, rename="camel"):
    reason: _Coding | None = None
    user_comment: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    card: str
    outcome: str
    outcome_timestamp: str
    accepted_suggestions: list[_Suggestion] | None = None
    override_reason: _Reason | None = None


class FeedbackBody(msgspec.Struct):
    feedback: list[_Entry]


def feedback(store: Store | None, known: dict[str, Service], most_bytes: int) -> Blueprint:
    """``POST /cds-services/{id}/feedback``. An answer of 200 means: it is kept."""
    blueprint = Blueprint("feedback", __name__)

    @blueprint.post("/cds-services/<service_id>/feedback")
    def take(service_id: str) -> Response:
        if service_id not in known:
            raise Refusal(404, "there is no service of this id; GET /cds-services lists them")
        if store is None:
            raise Refusal(404, "this service keeps no feedback (store.url is empty)")
        entries = read_feedback(read_body(request, most_bytes))
        try:
            unknown = store.save_feedback(service_id, entries, datetime.now(UTC))
        except StoreError as error:
            failed("feedback", error)
            raise Refusal(503, "the feedback could not be kept; please send it again") from None
        _count(entries, unknown)
        told: dict[str, Any] = {"kept": len(entries)}
        return reply(told | ({"unknownCards": sorted(unknown)} if unknown else {}))

    return blueprint


def read_feedback(body: bytes) -> list[FeedbackEntry]:
    """The entries of a post. Raises Refusal (400) that names the place of the first thing that is wrong."""
    try:
        entries = msgspec.json.decode(body, type=FeedbackBody).feedback
    except msgspec.ValidationError as error:
        place, what = place_of(error)
        raise _wrong(place or "the body", what) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refusal(400, "the body is not JSON") from None
    if not 1 <= len(entries) <= MOST:
        raise _wrong("feedback", f"expected 1 to {MOST} entries")
    return [_read(f"feedback[{index}]", entry) for index, entry in enumerate(entries)]


def _read(place: str, entry: _Entry) -> FeedbackEntry:
    if entry.outcome not in (ACCEPTED, OVERRIDDEN):
        raise _wrong(f"{place}.outcome", f"expected {ACCEPTED} or {OVERRIDDEN}")
    card = _uuid(f"{place}.card", entry.card)
    suggestions: list[str] = []
    reason = _Reason()
    if entry.outcome == ACCEPTED:
        suggestions = _suggestions(f"{place}.acceptedSuggestions", entry.accepted_suggestions)
    else:
        reason = entry.override_reason or reason
    coding = reason.reason or _Coding()
    told = FeedbackEntry(
        card=card,
        entry="",
        outcome=entry.outcome,
        outcome_at=_moment(f"{place}.outcomeTimestamp", entry.outcome_timestamp),
        suggestions=suggestions,
        reason_system=_short(f"{place}.overrideReason.reason.system", coding.system, _LONGEST_SYSTEM),
        reason_code=_short(f"{place}.overrideReason.reason.code", coding.code, _LONGEST_CODE),
        commented=bool(reason.user_comment),
    )
    return msgspec.structs.replace(told, entry=sha256(msgspec.json.encode(told)).hexdigest())


def _suggestions(place: str, given: list[_Suggestion] | None) -> list[str]:
    if not given:
        raise _wrong(place, "is missing; an accepted card says which suggestions")
    if len(given) > MOST:
        raise _wrong(place, f"expected at most {MOST}")
    return sorted({_uuid(f"{place}[{index}].id", one.id) for index, one in enumerate(given)})


def _uuid(place: str, text: str) -> str:
    """A uuid as we write it. Anything else cannot be ours, and might be about a patient."""
    try:
        if len(text) <= len("urn:uuid:") + 36:
            return str(UUID(text))
    except ValueError:
        pass
    raise _wrong(place, "is not a UUID")


def _moment(place: str, text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        pass
    raise _wrong(place, "is not a date and time with its zone (2026-11-21T09:30:00Z)")


def _short(place: str, text: str | None, longest: int) -> str | None:
    """A code or an address of a code system, whoever made it; not a place for prose."""
    if not text:
        return None
    if len(text) > longest or not text.isprintable():
        raise _wrong(place, f"expected at most {longest} printable characters")
    return text


def _wrong(place: str, what: str) -> Refusal:
    return Refusal(400, f"{place}: {what}", place)


def _count(entries: list[FeedbackEntry], unknown: set[str]) -> None:
    for entry in entries:
        metrics.feedback.labels(entry.outcome, "no" if entry.card in unknown else "yes").inc()
    if commented := sum(entry.commented for entry in entries):
        metrics.comments.inc(commented)
