"""What no reader understood: codes and units, for a site that wants to map them. It never holds a patient's value.

The rules say what they need in concepts; a code that belongs to none is passed over in silence, because most codes
of a chart are of no interest. Here they are counted, so that a site sees which of its own are of interest after all.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from fhir_mappings import views
from fhir_mappings.charts import read_each
from fhir_mappings.code_systems import CONCEPT
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, Finding, Skipped, narrowest_first
from fhir_mappings.lesions import Lesion
from fhir_mappings.reading import UNDECODABLE, Supplied, decoder
from fhir_mappings.terminology import Terminology
from fhir_mappings.terminology_files import DECODER

_TABLE = tomllib.loads(files("fhir_mappings").joinpath("coverage.toml").read_text("utf-8"))
_LEAST = float(_TABLE["alike"])
_NOT_MEANT = ("-exclude", "-deprecated", "-trap")
_KINDS = {
    "Observation": ("observation", "condition"),
    "Observation.component": ("observation",),
    "Observation.value": ("value",),
    "Condition": ("condition",),
    "Procedure": ("procedure", "medication"),
    "ServiceRequest": ("procedure", "observation"),
}
_LONGEST = 100


class UnreadCode(msgspec.Struct, frozen=True, order=True):
    """A code of this place (``Condition``, ``Observation.component``) that belongs to no concept.

    ``maybe`` is a concept with a display like this one: a hint for a person, never a match.
    """

    place: str
    system: str
    code: str
    display: str = ""
    maybe: str = ""


class UnreadUnit(msgspec.Struct, frozen=True, order=True):
    """A unit that is not understood for this name (analyte, item); empty when there was none."""

    name: str
    unit: str


class Coverage(msgspec.Struct):
    """What one reading of many resources came to."""

    read: int = 0  # codes that belong to a concept
    codes: Counter[tuple[str, str, str, str]] = msgspec.field(default_factory=Counter)  # place, system, code, display
    units: Counter[UnreadUnit] = msgspec.field(default_factory=Counter)
    uncoded: Counter[str] = msgspec.field(default_factory=Counter)  # place -> times there was text only, or nothing

    def unread(self, terminology: Terminology) -> list[tuple[UnreadCode, int]]:
        """Every unread code with its count, most frequent first; the displays of a code count together."""
        totals: Counter[tuple[str, str, str]] = Counter()
        displays: dict[tuple[str, str, str], Counter[str]] = {}
        for (place, system, code, display), count in self.codes.items():
            totals[place, system, code] += count
            displays.setdefault((place, system, code), Counter())[display] += count
        found = []
        for key, count in totals.items():
            display = min(displays[key].items(), key=lambda shown: (not shown[0], -shown[1], shown[0]))[0]
            found.append((UnreadCode(*key, display, nearest(display, key[0], terminology) or ""), count))
        return sorted(found, key=lambda one: (-one[1], one[0]))


class _Component(views.View, frozen=True):
    code: views.CodeableConcept | None = None
    value_codeable_concept: views.CodeableConcept | None = None
    value_quantity: views.Quantity | None = None


class _Coded(_Component, frozen=True):
    """The codes of any resource, as far as one can be mapped."""

    resource_type: str = ""
    medication_codeable_concept: views.CodeableConcept | None = None
    medication: views.CodeableConcept | None = None  # R5
    contained: list[views.Medication] | None = None
    component: list[_Component] | None = None


def survey(supplied: Iterable[Supplied], terminology: Terminology, coverage: Coverage) -> None:
    """Adds what no reader understood in these resources, whoever's they are. Resources of types no reader reads, and
    those that cannot be decoded at all, count for nothing."""
    resources = list(supplied)
    for resource in resources:
        if (coded := _decoded(resource)) is not None:
            _count_codes(coded, terminology, coverage)
    for resource, outcomes in read_each(resources, terminology=terminology, as_of=date.max):
        if (coded := _decoded(resource)) is not None:
            for outcome in outcomes:
                _count_units(outcome, coded, terminology, coverage)


def nearest(display: str, place: str, terminology: Terminology) -> str | None:
    """The concept with the display most like this one, None when none is much like it."""
    words = _words(display)
    if not words:
        return None
    allowed = frozenset().union(*(terminology.of_kind(kind) for kind in _KINDS.get(place, ("medication",))))
    scored: dict[str, float] = {}
    for known, concepts in _known_displays().items():
        likeness = len(words & known) / len(words | known)
        if likeness >= _LEAST:
            for concept in concepts & allowed:
                scored[concept] = max(likeness, scored.get(concept, 0))
    best = max(scored.values(), default=0)
    return next(iter(narrowest_first(frozenset(name for name, score in scored.items() if score == best))), None)


def skeleton(unread: Iterable[tuple[UnreadCode, int]]) -> dict[str, Any]:
    """A ConceptMap (R4) to fill in. As written it maps nothing: every target is ``unmatched``."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for one, count in unread:
        if one.system and one.code:
            hint = f"{one.place}, {count} times" + (f"; maybe {one.maybe}" if one.maybe else "")
            element = {"code": one.code} | ({"display": one.display} if one.display else {})
            element["target"] = [{"equivalence": "unmatched", "comment": hint}]  # type: ignore[assignment]
            groups.setdefault(one.system, {}).setdefault(one.code, element)
    return {
        "resourceType": "ConceptMap",
        "title": "Codes of this site",
        "description": "To map a code, give its target a code and the equivalence equivalent. A target is a concept of "
        f"{CONCEPT} (ValueSet ids) or a code of our own CodeSystem; unmatched maps nothing.",
        "status": "draft",
        "group": [
            {"source": system, "target": CONCEPT, "element": list(elements.values())}
            for system, elements in groups.items()
        ],
    }


def _decoded(resource: Supplied) -> _Coded | None:
    try:
        return decoder(_Coded).decode(resource.raw)
    except UNDECODABLE:
        return None  # where a reader wants it, evaluate names it


def _count_codes(coded: _Coded, terminology: Terminology, coverage: Coverage) -> None:
    kind = coded.resource_type
    if kind.startswith("Medication"):
        contained = [one.code for one in coded.contained or []]
        written = [coded.code, coded.medication_codeable_concept, coded.medication, *contained]
        for concept in filter(None, written):
            if concept.codings or concept.text:
                _count(kind, concept, terminology, coverage)
    elif kind in _KINDS and _count(kind, coded.code, terminology, coverage):
        _count_answer(coded, terminology, coverage)
        for part in coded.component or []:
            if _count("Observation.component", part.code, terminology, coverage):
                _count_answer(part, terminology, coverage)


def _count_answer(value: _Component, terminology: Terminology, coverage: Coverage) -> None:
    """A coded answer to something understood."""
    if value.value_codeable_concept is not None:
        _count("Observation.value", value.value_codeable_concept, terminology, coverage)


def _count(place: str, concept: views.CodeableConcept | None, terminology: Terminology, coverage: Coverage) -> bool:
    """Counts the first coding of a concept of which no coding is understood."""
    codings = [one for one in concept.codings if one.code] if concept else []
    known = any(terminology.meaning(one.system, one.code) for one in codings)
    if known or (concept and concept.text and terminology.of_text(concept.text)):
        coverage.read += 1
        return True
    if codings:
        first = next((one for one in codings if one.system), codings[0])
        coverage.codes[place, _clean(first.system), _clean(first.code), _clean(first.display)] += 1
    else:
        coverage.uncoded[place] += 1
    return False


def _count_units(outcome: Finding | Skipped, coded: _Coded, terminology: Terminology, coverage: Coverage) -> None:
    if isinstance(outcome, Skipped) and outcome.why == UNIT_NOT_UNDERSTOOD:
        unit = _unit(_value_at(outcome.element, coded))
        coverage.units.update(UnreadUnit(name, unit) for name in outcome.names)
    elif isinstance(outcome, Lesion):
        for missing in outcome.unread.values():
            if missing.why == UNIT_NOT_UNDERSTOOD:
                coverage.units[UnreadUnit(missing.name, _unit(_value_of(missing.name, coded, terminology)))] += 1


def _unit(value: _Component | None) -> str:
    quantity = value.value_quantity if value else None
    return _clean((quantity.unit or quantity.code) if quantity else None)


def _value_of(name: str, coded: _Coded, terminology: Terminology) -> _Component | None:
    """The component, else the Observation itself, that is about ``name``."""

    def about(code: views.CodeableConcept | None) -> bool:
        return any(name in terminology.meaning(one.system, one.code) for one in (code.codings if code else []))

    return next((part for part in [*(coded.component or []), coded] if about(part.code)), None)


def _value_at(element: str, coded: _Coded) -> _Component | None:
    """Where ``component[2].valueQuantity`` points."""
    found = re.match(r"component\[(\d+)\]", element)
    if found is None:
        return coded
    parts = coded.component or []
    return parts[int(found[1])] if int(found[1]) < len(parts) else None


@cache
def _known_displays() -> dict[frozenset[str], frozenset[str]]:
    """The words of every shipped display, and the concepts that have it."""
    found: dict[frozenset[str], frozenset[str]] = {}
    for concept, display in _shipped_displays():
        if not concept.endswith(_NOT_MEANT) and (words := _words(display)):
            found[words] = found.get(words, frozenset()) | {concept}
    return found


def _shipped_displays() -> Iterator[tuple[str, str]]:
    for path in sorted((Path(__file__).parent / "codes").glob("ValueSet-*.json")):
        value_set = DECODER.decode(path.read_bytes())
        yield value_set.id, value_set.title
        yield from ((value_set.id, code.display or "") for part in value_set.compose.include for code in part.concept)


def _words(display: str) -> frozenset[str]:
    """The telling words: without brackets, numbers and what _TABLE leaves out."""
    plain = re.sub(r"\[[^]]*\]", " ", _clean(display).casefold())
    return frozenset(word for word in re.findall(r"[^\W\d_][\w'-]*", plain) if word not in _TABLE["words"])


def _clean(text: str | None) -> str:
    """Without control, format and zero-width characters, on one line, of a length that can be shown."""
    spaced = "".join(" " if letter.isspace() else letter for letter in text or "")
    return " ".join("".join(one for one in spaced if unicodedata.category(one)[0] != "C").split())[:_LONGEST]
