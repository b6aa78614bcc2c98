"""The mouth: which dental procedure is planned or was done, whether it opens bone, and the last examination."""

from __future__ import annotations

from datetime import date

from cards.situation import Situation
from fhir_mappings.chart import Chart, derived
from fhir_mappings.procedures import ProcedureRecord

EXAMINATION = "dental-examination"
INVASIVE, SIMPLE, UNKNOWN = "invasive", "simple", "unknown"

# Each kind with its concepts and the word a card calls it by, the most telling first.
_KINDS = (
    ("proc-tooth-extraction", INVASIVE, "extraction"),
    ("proc-dental-implant", INVASIVE, "implant"),
    ("proc-root-canal", SIMPLE, "root-canal"),
    ("dental-cleaning", SIMPLE, "cleaning"),
    ("dental-filling", SIMPLE, "filling"),
    ("dental-procedure-unspecified", UNKNOWN, "dental"),
    ("proc-dental-invasive", INVASIVE, "oral-surgery"),
)
_ANY = "dental-procedure"
_DENTAL = (*(concept for concept, _, _ in _KINDS), _ANY)


def kind_and_word(record: ProcedureRecord) -> tuple[str, str] | None:
    """What a dental procedure does to the bone, and its word; None for an examination or for anything not dental."""
    for concept, kind, word in _KINDS:
        if concept in record.concepts:
            return kind, word
    return (UNKNOWN, "dental") if _ANY in record.concepts and EXAMINATION not in record.concepts else None


@derived
def planned(chart: Chart, situation: Situation) -> list[ProcedureRecord]:
    """The dental procedures that lie ahead: those being ordered or booked, else those on record."""
    drafts = [draft for draft in situation.drafted(ProcedureRecord) if draft.state == "draft" and kind_and_word(draft)]
    if drafts:
        return drafts
    return [
        record
        for record in chart.any(ProcedureRecord, *_DENTAL)
        if record.state == "planned" and kind_and_word(record) and _ahead(record, chart.as_of)
    ]


def done(chart: Chart, within_days: int) -> list[ProcedureRecord]:
    """The procedures that opened bone not long ago, oldest first."""
    recent = chart.all(ProcedureRecord, within_days=within_days)
    return [record for record in recent if record.state in ("done", "fulfilled") and opens_bone(record)]


def opens_bone(record: ProcedureRecord) -> bool:
    kind = kind_and_word(record)
    return kind is not None and kind[0] == INVASIVE


def unexamined(chart: Chart, situation: Situation, within_days: int) -> bool:
    """It is known that the mouth was not examined within that time, and that no examination is planned or drafted."""
    if situation.drafted(ProcedureRecord, EXAMINATION):
        return False
    return chart.lacks(ProcedureRecord, EXAMINATION, within_days=within_days)


def _ahead(record: ProcedureRecord, day: date) -> bool:
    return record.evidence.when is None or record.evidence.when.last >= day
