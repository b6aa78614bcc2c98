"""Bone lesions: one lesion is one panel, or several over time that agree on the place (data contract 2).

Each Observation (or questionnaire) gives a partial Lesion; ``merge`` makes one Lesion of those about the same place.
The items, their values and which of two is the more severe stand in lesions.toml.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from importlib.resources import files
from typing import Any, ClassVar

import msgspec

from fhir_mappings import views
from fhir_mappings.assessments import from_value
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import NOT_RECORDED, UNREADABLE, Evidence, Finding, Key, Missing
from fhir_mappings.observations import (
    absent,
    evidence_of,
    locals_of,
    number_in,
    original_of,
    result_of,
    unusable,
    usable,
)
from fhir_mappings.ranges import Range
from fhir_mappings.reading import Read, Reader, Search, Shelf, relative
from fhir_mappings.sites import NOWHERE, Site, combine, local_site, observed_site

PANEL = "bone-lesion"

_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("lesions.toml").read_text("utf-8"))
_CODED: dict[str, list[str]] = _TABLE["coded"]
_REPEATS, _YES_NO, _NUMBER, TOTALS, _SPINE_ONLY, _UNPLACED, _BETTER_HIGH, _BETTER_TRUE = (
    frozenset(_TABLE["kinds"][kind])
    for kind in ("repeats", "yes-no", "number", "total", "spine-only", "unplaced", "better-high", "better-true")
)
_MEASURED = _NUMBER | TOTALS
_WORDS: dict[str, frozenset[str]] = {code: frozenset(words) for code, words in _CODED.items()}
ITEMS: frozenset[str] = frozenset(_CODED) | _YES_NO | _MEASURED
_LOCATION: dict[str, str] = {level: where for where, levels in _TABLE["sins-location"].items() for level in levels}

COMPONENT, ALONE, TEXT, DERIVED = 3, 2, 1, 0
"""How specific an item is: a component of a panel, an Observation of its own, written as text, worked out."""


class Item(Finding, frozen=True, kw_only=True):
    """One recorded item of a lesion: ``item`` is the component code, ``value`` coded text, yes/no or a number.

    Numbers: ``lesion-size-fraction`` 0..1, diameters and ``cord-distance`` mm, ``cortical-destruction`` and
    ``vertebral-collapse`` %, recorded totals (``mirels-score`` ...) the total. Repeating items (``wbb-zone``,
    ``wbb-layer``) hold all their codes joined by a space, in order.
    """

    item: str
    value: str | bool | Range
    specific: int = DERIVED

    @property
    def names(self) -> tuple[str, ...]:
        return (self.item,)

    @property
    def rank(self) -> int:
        return self.specific

    @property
    def shown(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


class Lesion(Finding, frozen=True, kw_only=True):
    """One bone lesion with the latest value of each of its items.

    ``key`` tells lesions apart (focus, or body site and side, or spinal level). ``unread`` holds items that were
    recorded but could not be understood, or whose absence was recorded, with the reason.
    """

    keys: ClassVar[tuple[Key, ...]] = ("lesions", "questionnaires")
    key: str
    site: Site = NOWHERE
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    unread: dict[str, Missing] = msgspec.field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return ("bone-lesion",)

    def item(self, code: str) -> Item | Missing:
        """The latest recorded item, or why there is none."""
        return self.items.get(code) or self.unread.get(code, Missing(code, NOT_RECORDED))

    def value(self, code: str) -> str | bool | Range | None:
        """The latest value of an item, None when it is missing."""
        found = self.items.get(code)
        return found.value if found else None

    def text(self, code: str) -> str | None:
        """The value of a coded item, None when it is missing or not coded."""
        value = self.value(code)
        return value if isinstance(value, str) else None

    def number(self, code: str) -> Range | None:
        value = self.value(code)
        return value if isinstance(value, Range) else None

    def yes(self, code: str) -> bool:
        """True only when the item was recorded as true."""
        return self.value(code) is True


# --- Reading one Observation ------------------------------------------------------------------------------------------


def read_lesion(observation: views.Observation, concepts: frozenset[str], shelf: Shelf) -> Read:
    """A panel, or one item with a place of its own, as a partial Lesion; what a panel says of the patient beside it.

    An item whose lesion is not named (no body site, no focus) is skipped: it could be any. A recorded total and a
    grade of cord compression are kept all the same: they say by themselves what they are about.
    """
    code = shelf.local(observation.code) or ""
    names = tuple(sorted(concepts & WANTS))
    if usable(observation.status) is None:
        if (skip := unusable(observation, names)) is not None:
            yield skip
        return
    site = observed_site(observation, shelf)
    evidence = evidence_of(observation)
    found, others = _components(observation, evidence, shelf)
    if code != PANEL:
        found.append(read_item(code, observation, _with_original(evidence, observation), shelf, ALONE))
    named = _focus(observation, shelf) or ("" if site.known else _codes(observation.body_site))
    lesion = partial_lesion(evidence, found, site, named)
    if code == PANEL or code in _UNPLACED or lesion.key != lesion.evidence.reference:
        yield lesion
    else:
        yield Skipped(lesion.evidence.reference, UNREADABLE, "bodySite", names)
    for item, part in others:
        if (finding := from_value(item, part, evidence, shelf, lesion.site)) is not None:
            yield finding


def _components(
    observation: views.Observation, evidence: Evidence, shelf: Shelf
) -> tuple[list[Item | Missing], list[tuple[str, views.Value]]]:
    """The components that are items of the lesion, read; and the others that have a local code, as they are."""
    coded = [(code, part) for part in observation.component or [] if (code := shelf.local(part.code))]
    items = [
        read_item(code, part, _with_original(evidence, part), shelf, COMPONENT) for code, part in coded if code in ITEMS
    ]
    return items, [(code, part) for code, part in coded if code not in ITEMS]


def _with_original(evidence: Evidence, value: views.Value) -> Evidence:
    return Evidence(evidence.reference, evidence.when, original_of(value), evidence.preliminary)


def read_item(code: str, value: views.Value, evidence: Evidence, shelf: Shelf, specific: int) -> Item | Missing:
    """One item, or why its value is not there: its absence was recorded, its unit or its value is not understood."""
    if (why := absent(value)) is not None:
        return Missing(code, why, evidence.reference)
    answer: str | bool | Range | None = _yes_no(value, shelf) if code in _YES_NO else _coded(code, value, shelf)
    if answer is None and code in _CODED and value.value_string is not None:
        answer, specific = _written(code, value.value_string), TEXT
    if answer is None and code in _MEASURED:
        number = number_in(code, value)
        if isinstance(number, str):
            return Missing(code, number, evidence.reference)
        answer = number[0]
    if answer is None:
        return Missing(code, UNREADABLE, evidence.reference)
    return Item(evidence=evidence, item=code, value=answer, specific=specific)


def partial_lesion(evidence: Evidence, found: Iterable[Item | Missing], site: Site, named: str = "") -> Lesion:
    """What one record says of a lesion at ``site``.

    ``named`` is the focus, or the codes of a body site that is not understood. Without any place the lesion is known
    by the record that speaks of it.
    """
    found = list(found)
    items = _latest(item for item in found if isinstance(item, Item))
    unread = {missing.name: missing for missing in found if isinstance(missing, Missing) and missing.name not in items}
    level = items.get("spinal-level")
    if level is not None:
        exact = local_site(str(level.value))
        both = combine([site, exact])
        site = both if both.known else exact
    key = named if named.startswith(_FOCUS) or not site.known else _place(site)
    return Lesion(evidence=evidence, key=key or evidence.reference, site=site, items=items, unread=unread)


_FOCUS = "BodyStructure/"


def _focus(observation: views.Observation, shelf: Shelf) -> str:
    """The BodyStructure an Observation is about, empty when there is none. Any other focus tells no lesions apart."""
    for one in (observation.body_structure, *(observation.focus or [])):
        if one is None or not one.reference:
            continue
        structure = shelf.find(one.reference, views.BodyStructure)
        if structure is not None and structure.id and (structure.location or structure.included_structure):
            return f"{_FOCUS}{structure.id}"
        if (name := relative(one.reference)).startswith(_FOCUS):
            return name
        if one.type == "BodyStructure" or one is observation.body_structure:
            return f"{_FOCUS}{name}"
    return ""


def _codes(site: views.BodySite | None) -> str:
    """The codes of a body site, for telling apart places that have no word here."""
    sides = [one.value_codeable_concept for one in (site.extension or [] if site else []) if one.value_codeable_concept]
    codes = {one.code for concept in (site, *sides) if concept for one in concept.codings if one.code}
    return " ".join(sorted(codes))


def _place(site: Site) -> str:
    return site.level or " ".join(word for word in (site.side, site.bone, site.region) if word)


def _yes_no(value: views.Value, shelf: Shelf) -> bool | None:
    if value.value_boolean is not None:
        return value.value_boolean
    return {"positive": True, "negative": False}.get(result_of(value.value_codeable_concept, shelf) or "")


def _coded(code: str, value: views.Value, shelf: Shelf) -> str | None:
    """The local code of a coded value; a whole number where the values are numbers (``tomita-type`` 3)."""
    number = value.value_integer
    words = locals_of(value.value_codeable_concept, shelf) if number is None else {str(number)}
    found = words & _WORDS.get(code, frozenset())
    return found.pop() if len(found) == 1 else None


def _written(code: str, text: str) -> str | None:
    """A value written as text: word for word a local code, or one of the listed spellings."""
    plain = " ".join(text.casefold().split())
    words = {word.casefold(): word for word in _CODED[code]} | _TABLE["texts"].get(code, {})
    return words.get(plain)


# --- One lesion of many records ---------------------------------------------------------------------------------------


def merge(lesions: Iterable[Lesion]) -> list[Lesion]:
    """One Lesion of all records about the same place, whatever their order and however often each came.

    The same focus is the same lesion; a record without a focus joins the lesion of its place, unless two lesions with
    a focus are there. The latest value of each item counts, then the more specific, then the more severe.
    """
    groups: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in _in_order(lesions):
        groups[lesion.key or repr(lesion)].append(lesion)
    focused = {key: group for key, group in groups.items() if key.startswith(_FOCUS)}
    at_place: dict[str, set[str]] = defaultdict(set)
    for key, group in focused.items():
        for lesion in group:
            if lesion.site.known:
                at_place[_place(lesion.site)].add(key)
    for key in [key for key in groups if len(at_place.get(key, ())) == 1]:
        (focus,) = at_place[key]
        groups[focus] = _in_order([*groups[focus], *groups.pop(key)])
    return [_merged(group) for group in groups.values()]


def _in_order(lesions: Iterable[Lesion]) -> list[Lesion]:
    several = list(lesions)
    return sorted(several, key=_order) if len(several) > 1 else several


def _order(lesion: Lesion) -> tuple[object, ...]:
    # A reference tells the records apart; writing a lesion out is slow, so only one without a reference is.
    return (lesion.order, lesion.key, "" if lesion.evidence.reference else repr(lesion))


def _merged(records: list[Lesion]) -> Lesion:
    """One Lesion of the records about it, oldest first."""
    newest = records[-1]
    key = next((record.key for record in records if record.key.startswith(_FOCUS)), newest.key)
    site = combine(record.site for record in records)
    if not site.known:
        site = next((record.site for record in reversed(records) if record.site.known), NOWHERE)
    items = _latest([item for record in records for item in record.items.values()])
    unread: dict[str, Missing] = {}
    for record in records:
        for code, missing in record.unread.items():
            if code not in items or _supersedes(missing, record.evidence, items[code].evidence):
                unread[code] = missing
    for code in unread:
        items.pop(code, None)
    site = _derive(site, newest.evidence, items, unread)
    return Lesion(evidence=newest.evidence, key=key, site=site, items=items, unread=unread)


def _latest(items: Iterable[Item]) -> dict[str, Item]:
    """The item that counts for each code. Of a repeating item all codes of the latest instant do."""
    best: dict[str, Item] = {}
    for item in items:
        other = best.get(item.item)
        if other is None:
            best[item.item] = item
        elif item.item in _REPEATS and item.order[:2] == other.order[:2]:
            best[item.item] = _joined(other, item)
        elif _weight(item) > _weight(other):
            best[item.item] = item
    return best


def _joined(one: Item, other: Item) -> Item:
    codes = " ".join(sorted({*str(one.value).split(), *str(other.value).split()}, key=_CODED[one.item].index))
    if codes == one.value:
        return one
    return msgspec.structs.replace(one, value=codes, evidence=msgspec.structs.replace(one.evidence, original=codes))


def _weight(item: Item) -> tuple[object, ...]:
    return (*item.order[:2], _severity(item), item.order[-1], item.evidence.original)


def _severity(item: Item) -> tuple[Decimal | int, ...]:
    """Greater is more severe. A number says more than a class, so it counts before one."""
    value, code = item.value, item.item
    if isinstance(value, Range):
        ends = (value.hi, value.lo) if code not in _BETTER_HIGH else (-value.lo, -value.hi)
        return (1, *ends)
    if isinstance(value, bool):
        return (0, value != (code in _BETTER_TRUE))
    return (0, max(_CODED[code].index(word) for word in value.split()))


def _supersedes(missing: Missing, recorded: Evidence, known: Evidence) -> bool:
    """True when a later record holds a value that is not understood: the older one is then no longer the latest.

    That an item was not determined later does not undo what is known.
    """
    if missing.why.startswith("absent") or recorded.when is None:
        return False
    return known.when is None or recorded.when.order > known.when.order


def _derive(site: Site, evidence: Evidence, items: dict[str, Item], unread: dict[str, Missing]) -> Site:
    """Adds what the place and the diameters say, where nothing was recorded; the place, with what the items say of it
    (data contract 2)."""
    region = items.get("lesion-region")
    if region is not None and (both := combine([site, local_site(str(region.value))])).known:
        site = both
    if not site.known and items.keys() & _SPINE_ONLY:
        site = local_site("spine")
    for code, value in (
        ("lesion-region", site.region),
        ("spinal-level", site.level),
        ("sins-location", _LOCATION.get(site.level or "")),
    ):
        if value is not None and code not in items:
            items[code] = Item(evidence=evidence, item=code, value=value)
            unread.pop(code, None)
    if "lesion-size-fraction" not in items:
        fraction = _fraction(items, unread)
        if isinstance(fraction, Item):
            items[fraction.item] = fraction
            unread.pop(fraction.item, None)
        elif fraction is not None:
            unread.setdefault(fraction.name, fraction)
    return site


def _fraction(items: dict[str, Item], unread: dict[str, Missing]) -> Item | Missing | None:
    """Lesion over bone diameter, at most 1; why not when a diameter was not understood, None when none is there."""
    code = "lesion-size-fraction"
    lesion, bone = items.get("lesion-diameter"), items.get("bone-diameter")
    if lesion is None or bone is None:
        why = next((unread[one] for one in ("lesion-diameter", "bone-diameter") if one in unread), None)
        return None if why is None else Missing(code, why.why, why.reference)
    wide, whole = lesion.value, bone.value
    if not isinstance(wide, Range) or not isinstance(whole, Range) or whole.lo <= 0:
        return Missing(code, UNREADABLE, bone.evidence.reference)
    hi = Decimal(1) if wide.hi.is_infinite() else min(Decimal(1), wide.hi / whole.lo)
    lo = Decimal(0) if whole.hi.is_infinite() else min(Decimal(1), max(Decimal(0), wide.lo) / whole.hi)
    original = f"{lesion.evidence.original} / {bone.evidence.original}"
    evidence = msgspec.structs.replace(lesion.evidence, original=original)
    return Item(evidence=evidence, item=code, value=Range(lo, hi))


WANTS = ITEMS | {PANEL}
# A chart that is asked for any lesion asks for "lesion".
_NAMES: dict[str, tuple[str, ...]] = {code: (code, PANEL, Lesion.__name__.lower()) for code in WANTS}
READERS: tuple[tuple[str, Reader], ...] = (("Observation", Reader(views.Observation, read_lesion, WANTS, _NAMES)),)
PREFETCH: dict[str, Search] = {
    # A bone metastasis written as an Observation (ruling 22) comes the same way.
    "lesions": Search("Observation", concepts=("bone-metastasis", "history-metastatic"), local=tuple(sorted(WANTS))),
}
