"""Which resources speak another FHIR version than R4 or R5, told by the elements only older versions have.

A client that says R4 may still send DSTU2 or STU3 shapes, in which an element R4 does not know may take the meaning
back (``taken``, ``wasNotGiven``) or hide it (a dose in ``doseQuantity``). Such a resource is skipped and named by the
element that told (ruling 37); the rest of the call goes on. Elements that only moved (``context`` of an order) are no
reason to skip it, and the words of an older Condition mean what today's mean: conditions.py reads them.
"""

from __future__ import annotations

import msgspec

from fhir_mappings.reading import UNDECODABLE, decoder
from fhir_mappings.views import View

NONE = msgspec.Raw()


class OldDosage(View, frozen=True):
    dose_quantity: msgspec.Raw = NONE
    dose_range: msgspec.Raw = NONE
    dose_simple_quantity: msgspec.Raw = NONE
    quantity_quantity: msgspec.Raw = NONE
    quantity: msgspec.Raw = NONE


class OldElements(View, frozen=True):
    """Elements that R4 and R5 do not have, or have in another shape; each is looked at only in its own resources."""

    context: msgspec.Raw = NONE
    related: msgspec.Raw = NONE
    category: msgspec.Raw = NONE
    taken: msgspec.Raw = NONE
    was_not_taken: msgspec.Raw = NONE
    was_not_given: msgspec.Raw = NONE
    not_given: msgspec.Raw = NONE
    not_done: msgspec.Raw = NONE
    not_performed: msgspec.Raw = NONE
    effective_time_date_time: msgspec.Raw = NONE
    effective_time_period: msgspec.Raw = NONE
    dosage: list[OldDosage] | OldDosage | None = None
    dosage_instruction: list[OldDosage] | OldDosage | None = None


# The resource types that tell, and the elements that are gone from them; a drug's dosage and an Observation's category
# are looked at too.
_GONE: dict[str, tuple[str, ...]] = {
    "Observation": ("context", "related"),
    "MedicationRequest": (),
    "MedicationOrder": (),
    "MedicationAdministration": ("was_not_given", "not_given", "effective_time_date_time", "effective_time_period"),
    "MedicationStatement": ("taken", "was_not_taken"),
    "MedicationDispense": ("not_done",),
    "Procedure": ("not_done", "not_performed"),
}


def version_mark(resource_type: str, raw: msgspec.Raw | bytes) -> str | None:
    """The element that shows another FHIR version (``dosageInstruction.doseQuantity``), None when nothing does."""
    if resource_type not in _GONE:
        return None
    try:
        old = decoder(OldElements).decode(raw)
    except UNDECODABLE:
        return None
    if (gone := _first_there(old, _GONE[resource_type])) is not None:
        return gone
    if resource_type == "Observation" and bytes(old.category).lstrip().startswith(b"{"):
        return "category"  # a list in R4 and R5
    return _dosage_mark(old) if resource_type.startswith("Medication") else None


def _dosage_mark(old: OldElements) -> str | None:
    """The dose moved into ``doseAndRate`` (a statement, an order) or ``dose`` (an administration) with R4."""
    for parent, written in (("dosage", old.dosage), ("dosageInstruction", old.dosage_instruction)):
        if written is None:
            continue
        for dosage in written if isinstance(written, list) else [written]:
            if (old_dose := _first_there(dosage, OldDosage.__struct_fields__)) is not None:
                return f"{parent}.{old_dose}"
    return None


def _first_there(old: OldElements | OldDosage, names: tuple[str, ...]) -> str | None:
    """The FHIR name of the first of these elements that was written, with whatever in it."""
    for name in names:
        raw = getattr(old, name)
        if raw is not NONE and bytes(raw) != b"null":
            first, *rest = name.split("_")
            return first + "".join(word.capitalize() for word in rest)
    return None
