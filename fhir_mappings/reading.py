"""Resources in, findings out: one cheap look at each resource, a full read of those some reader wants.

The look (``Head``) decodes five elements and decides; most resources of a real chart end there. A resource that
cannot be read is skipped and named, and never fails the call (data contract 1.10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

import msgspec

from fhir_mappings import views
from fhir_mappings.finding import Finding, Skipped
from fhir_mappings.terminology import Terminology

Read = Iterator[Finding | Skipped]
UNDECODABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Supplied(msgspec.Struct, frozen=True, gc=False):
    """One resource as it came: its bytes, when it was in a Bundle its fullUrl, and the first look at it (``look``)."""

    raw: msgspec.Raw
    full_url: str | None
    head: views.Head | None

    @property
    def kind(self) -> str | None:
        """Its resource type, None when it cannot be read or has none."""
        return self.head.resource_type if self.head is not None else None


class Reader(msgspec.Struct, frozen=True):
    """How one resource type is read. ``wants`` are the concepts it takes; None when it takes every such resource.

    ``names``: what findings about a concept are called where that is not the concept's id (an estrogen receptor is
    ``er``). ``anything``: what a resource may be about that does not tell: names, and kinds of concept.
    """

    view: type[views.View]
    read: Callable[[Any, frozenset[str], Shelf], Read]
    wants: frozenset[str] | None = None
    names: dict[str, tuple[str, ...]] = {}
    anything: tuple[str, ...] = ()

    def called(self, concepts: Iterable[str]) -> set[str]:
        """The names that findings about these concepts would have had."""
        return {name for concept in concepts for name in self.names.get(concept, (concept,))}

    def all_names(self, terminology: Terminology) -> set[str]:
        """Every name that a resource which does not tell what it is about may have answered."""
        kinds = {concept for kind in self.anything for concept in terminology.of_kind(kind)}
        return self.called(kinds | (self.wants or set())) | set(self.anything)


class Shelf:
    """What a reader may look up while it reads: the terminology, referenced resources, whether this is a draft."""

    def __init__(self, terminology: Terminology, *, as_of: date, draft: bool = False) -> None:
        self.terminology = terminology
        self.as_of = as_of
        self.draft = draft
        self._supplied: dict[str, msgspec.Raw] = {}

    def for_drafts(self) -> Shelf:
        """The same shelf for reading a hook's drafts."""
        drafts = Shelf(self.terminology, as_of=self.as_of, draft=True)
        drafts._supplied = dict(self._supplied)
        return drafts

    def put(self, reference: str, raw: msgspec.Raw) -> None:
        self._supplied.setdefault(reference, raw)

    def find(self, reference: str | None, view: type[views.V]) -> views.V | None:
        """The referenced resource as ``view``, None when it is not at hand (relative, absolute, urn:uuid)."""
        if not reference:
            return None
        raw = self._supplied.get(reference) or self._supplied.get(relative(reference))
        if raw is None:
            return None
        try:
            return decoder(view).decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None

    def concepts(self, *concepts: views.CodeableConcept | None) -> frozenset[str]:
        """Every concept and local code that the codings (and listed drug texts) of the elements belong to."""
        found: list[frozenset[str]] = []
        for concept in concepts:
            if concept is None:
                continue
            for coding in concept.codings:
                found.append(self.terminology.said(coding.system, coding.code).meaning)
            if concept.text and (named := self.terminology.of_text(concept.text)):
                found.append(named)
        return found[0] if len(found) == 1 else frozenset().union(*found)

    def local(self, concept: views.CodeableConcept | None) -> str | None:
        """The local code of a coded value (its own, or through a site's ConceptMap), None when there is none."""
        for coding in concept.codings if concept else ():
            if (code := self.terminology.said(coding.system, coding.code).local) is not None:
                return code
        return None


def relative(reference: str) -> str:
    """``Type/id`` of any form of reference: absolute, versioned or relative; a urn stays as it is."""
    if reference.startswith("urn:"):
        return reference
    parts = reference.split("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}


def decoder(view: type[views.V]) -> msgspec.json.Decoder[views.V]:
    """The decoder of a view, made once. Not strict: ``"2.9"`` is read as 2.9, as real systems write it."""
    if view not in _DECODERS:
        _DECODERS[view] = msgspec.json.Decoder(view, strict=False)
    return _DECODERS[view]


_HEAD = decoder(views.Head)


def look(raw: msgspec.Raw, full_url: str | None = None) -> Supplied:
    """The resource with the first look at it; without one when it cannot be read."""
    try:
        return Supplied(raw, full_url, _HEAD.decode(raw))
    except UNDECODABLE:
        return Supplied(raw, full_url, None)


class Search(msgspec.Struct, frozen=True):
    """How a prefetch key is filled: a read, or a search with the codes the readers of that key want."""

    resource_type: str
    concepts: tuple[str, ...] = ()  # terminology concepts whose exact codes narrow the search
    local: tuple[str, ...] = ()  # local codes that narrow it
    parameters: str = ""  # further restricted parameters, "&_sort=-date"
    read: str = ""  # "context.patientId": an instance read instead of a search
