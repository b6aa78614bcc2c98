"""Where in the skeleton: a body site in the words the rules use.

``bone`` and ``region`` follow data contract section 2; ``level`` is a vertebra C1..S5; ``side`` left, right or both.
A femur without a part has no region: the Mirels site could be lower limb or peritrochanteric. Which code is which
bone stands in sites.toml. Text alone names no place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from fhir_mappings import views
from fhir_mappings.code_systems import ICDO3

if TYPE_CHECKING:
    from fhir_mappings.reading import Shelf


class Site(msgspec.Struct, frozen=True):
    """A place in the skeleton; every part may be unknown (None)."""

    bone: str | None = None  # "femur", "proximal-femur", "humerus", "vertebra", "rib", "acetabulum" ...
    region: str | None = None  # upper-limb lower-limb peritrochanteric spine pelvis-acetabulum pelvis-other rib other
    level: str | None = None  # "T12"
    side: str | None = None  # "left" "right" "both"

    @property
    def known(self) -> bool:
        return bool(self.bone or self.region or self.level)

    def inside(self, bone: str) -> bool:
        """True when the bone is ``bone`` or a part of it: the proximal femur is inside the femur."""
        return self.bone is not None and bone in (self.bone, *WITHIN[self.bone])


NOWHERE = Site()

_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("sites.toml").read_text("utf-8"))
WITHIN: dict[str, list[str]] = _TABLE["within"]
"""Every bone word, and the wider ones it belongs to."""

_LONGEST_ICD = 8  # letters and digits of the longest ICD-10-CM code, and one to spare
_LEVEL = re.compile(r"C[1-7]|T(?:[1-9]|1[0-2])|L[1-5]|S[1-5]")


def _plain(code: str) -> str:
    """A code as it is compared: upper case, no dot or space (ICD is written in several ways)."""
    return code.replace(".", "").replace(" ", "").upper()


def _entries() -> Iterator[tuple[str, str, Site]]:
    """(which table, code, place) of every line of sites.toml."""
    for place in _TABLE["place"]:
        site = Site(place["bone"], place.get("region"))
        yield from (("concept", concept, site) for concept in place.get("concepts", ()))
        for kind in ("codes", "disorders", "fractures"):
            yield from (("code", _plain(code), site) for code in place.get(kind, ()))
        for side in ("right", "left"):
            sided = msgspec.structs.replace(site, side=side)
            yield from (("code", _plain(code), sided) for code in place.get(side, ()))
        yield from (("topography", _plain(code), site) for code in place.get("topography", ()))
        yield from (("local", code, site) for code in place.get("local", ()))


_PLACES: dict[str, dict[str, Site]] = {"concept": {}, "code": {}, "topography": {}, "local": {}}
for _kind, _code, _site in _entries():
    _PLACES[_kind][_code] = _site


def read_site(site: views.BodySite | views.CodeableConcept | None, shelf: Shelf) -> Site:
    """The place a body site names, NOWHERE when it is not a bone or not understood.

    Codings that name different bones, neither a part of the other, name no place. The side comes from a lateralised
    code or from an extension holding left, right or both (mCODE laterality); a contradiction leaves it unknown.
    """
    if site is None:
        return NOWHERE
    place = combine([coding_site(coding, shelf) for coding in site.codings])
    if not place.known and site.reference is not None:
        place = read_structure(site.reference, shelf)
    if not isinstance(site, views.BodySite) or not site.extension:
        return place
    return _sided(place, [extension.value_codeable_concept for extension in site.extension], shelf)


def read_structure(reference: views.Reference | None, shelf: Shelf) -> Site:
    """The place of a referenced BodyStructure (R4 or R5), NOWHERE when it is not at hand or names no bone."""
    structure = shelf.find(reference.reference, views.BodyStructure) if reference else None
    if structure is None:
        return NOWHERE
    if structure.location is not None:
        return _sided(read_site(structure.location, shelf), structure.location_qualifier or [], shelf)
    parts = structure.included_structure or []
    return combine(_sided(read_site(part.structure, shelf), [part.laterality], shelf) for part in parts)


def observed_site(observation: views.Observation, shelf: Shelf) -> Site:
    """Where an Observation was made: its body site, the R5 body structure, or the BodyStructure in focus."""
    site = read_site(observation.body_site, shelf)
    references = [one for one in (observation.body_structure, *(observation.focus or ())) if one is not None]
    return combine([site, *[read_structure(one, shelf) for one in references]]) if references else site


def coding_site(coding: views.Coding, shelf: Shelf) -> Site:
    """The place of one coding: a body structure, a metastasis or fracture of a named bone, or one of our codes."""
    if not coding.code or not coding.system:
        return NOWHERE
    said, code = shelf.terminology.said(coding.system, coding.code), _plain(coding.code)
    if said.key[0] == ICDO3:
        return _longest(_PLACES["topography"], code)
    if not said.concepts:
        return local_site(said.local)
    return _meant_site(said.local, said.concepts, code if code.isdigit() else code[:_LONGEST_ICD])


@lru_cache(maxsize=4096)
def _meant_site(local: str | None, concepts: frozenset[str], code: str) -> Site:
    named = [_PLACES["concept"].get(concept, NOWHERE) for concept in concepts]
    return combine([local_site(local), *named, _longest(_PLACES["code"], code)])


def local_site(code: str | None) -> Site:
    """The place one of our own codes names: a vertebra (``T12``) or a ``lesion-region``."""
    if code and _LEVEL.fullmatch(code):
        return Site("vertebra", "spine", code)
    return _PLACES["local"].get(code or "", NOWHERE)


def combine(sites: Iterable[Site]) -> Site:
    """What several descriptions of one place say together: the narrowest, or NOWHERE when they contradict."""
    known = [site for site in sites if site.known]
    if len(known) < 2:
        return known[0] if known else NOWHERE
    bones = {site.bone for site in known if site.bone}
    regions = {site.region for site in known if site.region}
    levels = {site.level for site in known if site.level}
    sides = {site.side for site in known if site.side}
    bone = max(bones, key=lambda word: (len(WITHIN[word]), word), default=None)
    if (bone and not bones <= {bone, *WITHIN[bone]}) or len(regions) > 1 or len(levels) > 1:
        return NOWHERE
    return Site(bone, _only(regions), _only(levels), _only(sides))


def read_side(concept: views.CodeableConcept | None, shelf: Shelf) -> str | None:
    """``left``, ``right`` or ``both`` when the concept is a laterality, else None."""
    said = shelf.concepts(concept)
    return _only({side for side, lateral in _TABLE["side"].items() if lateral in said})


def _sided(site: Site, concepts: Iterable[views.CodeableConcept | None], shelf: Shelf) -> Site:
    said = {side for concept in concepts if (side := read_side(concept, shelf))} if site.known else set()
    if not said:
        return site
    return msgspec.structs.replace(site, side=_only(said | ({site.side} if site.side else set())))


def _longest(places: dict[str, Site], code: str) -> Site:
    """The place of the code, or for ICD codes of the longest listed beginning (``M84551A`` is ``M84551``)."""
    if code.isdigit():
        return places.get(code, NOWHERE)
    return next((places[code[:end]] for end in range(_LONGEST_ICD, 2, -1) if code[:end] in places), NOWHERE)


def _only(words: set[str]) -> str | None:
    return next(iter(words)) if len(words) == 1 else None
