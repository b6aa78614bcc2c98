"""What a clinician recorded about the patient as a whole: scales, yes/no items, coded items (data contract 3).

Also imaging of the skeleton and our own gene codes, which arrive in the same shapes.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import Any, ClassVar

import msgspec

from fhir_mappings import markers, views
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import UNREADABLE, Evidence, Finding, Key, Missing
from fhir_mappings.markers import GENES, Marker, read_gene
from fhir_mappings.observations import (
    absent,
    codings_of,
    element_of,
    evidence_of,
    has_value,
    interpretations_of,
    locals_of,
    number_in,
    original_of,
    reference_of,
    unusable,
    usable,
)
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.sites import NOWHERE, Site, observed_site
from fhir_mappings.units import canonical, severity

__all__ = ["PREFETCH", "READERS", "Assessment", "Imaging", "Marker", "from_value"]

_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("assessments.toml").read_text("utf-8"))
_NUMBERS, _YES_NO = frozenset(_TABLE["numbers"]), frozenset(_TABLE["yes_no"])
_IMAGING: dict[str, list[str]] = _TABLE["imaging"]
_CHOICES: dict[str, list[str]] = _TABLE["coded"] | _IMAGING
_BETTER_TRUE = frozenset(_TABLE["better_true"])
_ITEMS = _NUMBERS | _YES_NO | _CHOICES.keys() | GENES.keys()
_ITEM_OF: dict[str, str] = _TABLE["concepts"] | _TABLE["imaging_concepts"]
_REPORTED: dict[str, str] = _TABLE["reported"]
_WORDS: dict[str, list[str]] = _TABLE["words"]


class Assessment(Finding, frozen=True, kw_only=True):
    """One patient-level item.

    ``item`` is the local code of data contract 3 (``frankel-grade``, ``life-expectancy``, ``pain-pattern`` ...) or
    ``karnofsky``, ``ecog``, ``pain-severity``. ``value``: the local value code as text, True or False, or a Range
    (counts, scores; ``life-expectancy`` in months, ``pain-duration`` in days).
    """

    keys: ClassVar[tuple[Key, ...]] = ("assessments", "questionnaires")
    item: str
    value: str | bool | Range
    site: Site = NOWHERE

    @property
    def names(self) -> tuple[str, ...]:
        return (self.item,)

    @property
    def shown(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def number(self) -> Range:
        """The value as a number. Raises TypeError for a coded or yes/no item."""
        if not isinstance(self.value, Range):
            raise TypeError(f"{self.item} is not a number")
        return self.value

    @property
    def severity(self) -> Decimal | int:
        if isinstance(self.value, Range):
            return severity(self.item, self.value)
        if isinstance(self.value, bool):
            return self.value != (self.item in _BETTER_TRUE)
        return _CHOICES[self.item].index(self.value)


class Imaging(Finding, frozen=True, kw_only=True):
    """A finding of the skeleton on one modality, or a ``bone-response`` (data contract 3).

    ``modality``: ``bone-scan`` ``ct`` ``mri`` ``x-ray`` ``pet-ct`` with value ``positive`` ``negative``
    ``destruction`` ``no-destruction``; or ``bone-response`` with value ``sclerotic-rim`` ``new-blastic``
    ``new-lytic`` ``soft-tissue-growth`` ``stable``.
    """

    keys: ClassVar[tuple[Key, ...]] = ("imaging",)
    modality: str
    value: str
    site: Site = NOWHERE

    @property
    def names(self) -> tuple[str, ...]:
        return (self.modality,)

    @property
    def shown(self) -> str:
        return self.value


def from_value(
    item: str, value: views.Value, evidence: Evidence, shelf: Shelf, site: Site = NOWHERE
) -> Finding | Skipped | None:
    """The finding that ``value`` is as an answer to ``item`` (a code of data contract 3): an Assessment, an Imaging or,
    for a gene, a Marker.

    Skipped when the answer is not understood or was recorded as absent; None when ``item`` is not one of these codes
    or nothing was answered. ``evidence.original`` is filled in when it is empty.
    """
    answer = _answer(item, value, shelf)
    if answer is None:
        return None
    named = _REPORTED.get(item, item)
    if isinstance(answer, Missing):
        return Skipped(evidence.reference, answer.why, element_of(value), (named,))
    evidence = evidence if evidence.original else msgspec.structs.replace(evidence, original=original_of(value))
    if item in GENES:
        return Marker(evidence=evidence, marker=named, value=str(answer))
    if item in _IMAGING:
        return Imaging(evidence=evidence, modality=named, value=str(answer), site=site)
    return Assessment(evidence=evidence, item=named, value=answer, site=site)


def _answer(item: str, value: views.Value, shelf: Shelf) -> str | bool | Range | Missing | None:
    if item not in _ITEMS:
        return None
    if (reason := absent(value)) is not None:
        return Missing(item, reason)
    if item in _NUMBERS:
        return _number(item, value, shelf)
    if not has_value(value):
        return None
    if codings_of(value.value_codeable_concept) & set(_WORDS["unknown"]):
        return Missing(item, "absent: unknown")
    if item in _YES_NO:
        return _yes_or_no(item, value, shelf)
    return read_gene(item, value, shelf) if item in GENES else _choice(item, value, shelf)


def _number(item: str, value: views.Value, shelf: Shelf) -> Range | Missing | None:
    """A number, or an answer code that stands for one (also as the interpretation, where there is no value)."""
    answers = [value.value_codeable_concept] if has_value(value) else interpretations_of(value)
    stated = {number for number in (_number_of(item, answer, shelf) for answer in answers) if number is not None}
    if len(stated) == 1:
        found = canonical(item, views.Quantity(value=stated.pop()))
    elif has_value(value):
        found = number_in(item, value)
    else:
        return None
    return Missing(item, found) if isinstance(found, str) else found[0]


def _number_of(item: str, answer: views.CodeableConcept | None, shelf: Shelf) -> Decimal | None:
    listed: dict[str, int] = _TABLE["answers"].get(item, {})
    coded = next((str(listed[coding]) for coding in sorted(codings_of(answer)) if coding in listed), None)
    if item not in _TABLE["answers"]:
        coded = shelf.local(answer)
    return Decimal(coded) if coded is not None and coded.isdecimal() else None


def _yes_or_no(item: str, value: views.Value, shelf: Shelf) -> bool | Missing:
    if value.value_boolean is not None:
        return value.value_boolean
    codings, concepts = codings_of(value.value_codeable_concept), shelf.concepts(value.value_codeable_concept)
    yes, no = (
        bool(codings & set(_WORDS[word]) or concepts & set(_WORDS[f"{word}_concepts"])) for word in ("yes", "no")
    )
    return Missing(item, UNREADABLE) if yes == no else yes


def _choice(item: str, value: views.Value, shelf: Shelf) -> str | Missing:
    chosen = locals_of(value.value_codeable_concept, shelf) & set(_CHOICES[item])
    return chosen.pop() if len(chosen) == 1 else Missing(item, UNREADABLE)


def read_items(observation: views.Observation, _: frozenset[str], shelf: Shelf) -> Read:
    """Assessments, imaging of the skeleton and our own gene codes: an Observation, and the components of any panel."""
    parts = [("", observation), *((f"component[{n}].", part) for n, part in enumerate(observation.component or []))]
    asked = [(path, part, items) for path, part in parts if (items := _items(part.code, shelf))]
    if usable(observation.status) is None:
        names = tuple(_REPORTED.get(item, item) for _, _, items in asked for item in items)
        yield from [skipped] if (skipped := unusable(observation, names)) else []
        return
    for path, part, items in asked:
        yield from _read_part(path, part, items, observation, shelf)


def _read_part(path: str, part: views.Value, items: list[str], observation: views.Observation, shelf: Shelf) -> Read:
    names = tuple(_REPORTED.get(item, item) for item in items)
    if len(items) > 1 or _mislabelled(part.code, items):
        yield Skipped(reference_of(observation), UNREADABLE, f"{path}code", names)
        return
    site = observed_site(observation, shelf)
    found = from_value(items[0], part, evidence_of(observation), shelf, site)
    if items[0] in shelf.concepts(part.code) or items[0] not in _IMAGING or _of_bone(found, site):
        yield found or Skipped(reference_of(observation), UNREADABLE, f"{path}value", names)


def _items(code: views.CodeableConcept | None, shelf: Shelf) -> list[str]:
    return sorted({_ITEM_OF.get(concept, concept) for concept in shelf.concepts(code)} & _ITEMS)


def _mislabelled(code: views.CodeableConcept | None, items: list[str]) -> bool:
    """Whether the code says one scale and its label another, so that the number could be of either."""
    other = [word for item in items for word in _TABLE["not_labelled"].get(item, ())]
    if not other or code is None:
        return False
    labels = [coding.display or "" for coding in code.codings] + [code.text or ""]
    return any(word in label.casefold() for word in other for label in labels)


def _of_bone(found: Finding | Skipped | None, site: Site) -> bool:
    """Whether an examination with a standard code, which may be of anything, says something of bone."""
    if not isinstance(found, Imaging):
        return False
    of_bone = _TABLE["of_bone"]
    return site.known or found.modality in of_bone["examinations"] or found.value in of_bone["values"]


_NAMED: dict[str, str] = _ITEM_OF | {item: item for item in _ITEMS}
_NAMES: dict[str, tuple[str, ...]] = {concept: (_REPORTED.get(item) or item,) for concept, item in _NAMED.items()}
READERS: tuple[tuple[str, Reader], ...] = (
    ("Observation", Reader(views.Observation, read_items, frozenset(_ITEMS | _ITEM_OF.keys()), _NAMES)),
    *markers.READERS,
)
_LOCAL = (_YES_NO | _NUMBERS | _TABLE["coded"].keys()) - set(_TABLE["concepts"].values())
PREFETCH: dict[str, Search] = {
    "assessments": Search(
        "Observation", tuple(_TABLE["concepts"]), local=tuple(sorted(_LOCAL)), parameters="&_sort=-date"
    ),
    "imaging": Search("Observation", ("imaging-bone-scan",), local=tuple(_IMAGING), parameters="&_sort=-date"),
    **markers.PREFETCH,
}
