"""The Medications that orders, doses and drafts refer to instead of naming the drug themselves.

Templates have no ``_include``, which many servers do not support, so a client sends a referenced Medication or it has
to be fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from fhir_mappings.reading import UNDECODABLE, Supplied, relative

MEDICATION = "Medication"


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Concept(msgspec.Struct):
    reference: _Reference | None = None


class _Prescribed(msgspec.Struct, rename="camel"):
    medication_reference: _Reference | None = None
    medication: _Concept | None = None  # R5


def unresolved(supplied: Iterable[Supplied]) -> list[str]:
    """The references to Medications that are not among ``supplied`` themselves, in order, each once."""
    here, asked = set[str](), set[str]()
    for one in supplied:
        try:
            kind = one.kind or ""
            if kind == MEDICATION:
                here.update(_names(one))
            elif kind.startswith(MEDICATION):
                asked.update(_refers_to(one))
        except UNDECODABLE:
            continue  # the readers name what they cannot read
    return sorted({one.split("/_history/")[0] for one in asked if relative(one) not in here and one not in here})


def _names(medication: Supplied) -> Iterator[str]:
    if medication.head is not None:
        yield f"{MEDICATION}/{medication.head.id}"
    if medication.full_url:
        yield medication.full_url


def _refers_to(record: Supplied) -> Iterator[str]:
    """Contained (``#...``) and ``urn:`` references mean something that came along, and are not followed."""
    prescribed = msgspec.json.decode(record.raw, type=_Prescribed)
    concept = prescribed.medication.reference if prescribed.medication else None
    for found in (prescribed.medication_reference, concept):
        if found and found.reference and f"{MEDICATION}/" in found.reference:
            yield found.reference
