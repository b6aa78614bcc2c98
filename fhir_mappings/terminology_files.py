"""The FHIR files of ``codes/`` and of a site: what is read of them, and what is said when it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fhir_mappings.code_systems import NO_HIERARCHY, Coding, coding, system_uri


class TerminologyError(Exception):
    """A site's file cannot be used. The message names the file, the element and what is wrong with it."""


class _View(msgspec.Struct, rename="camel", omit_defaults=True):
    pass


class _Extension(_View):
    url: str
    value_string: str | None = None
    value_code: str | None = None
    extension: list[_Extension] = []


class _Translated(_View):
    extension: list[_Extension] = []

    @property
    def content(self) -> str | None:
        """The translated text of the first translation extension."""
        return next((p.value_string for e in self.extension for p in e.extension if p.url == "content"), None)


class _Designation(_View):
    value: str
    language: str | None = None


class _Code(_View):
    code: str
    display: str | None = None
    designation: list[_Designation] = []
    system: str | None = None  # in an expansion


class _Filter(_View):
    property: str
    op: str
    value: str


class Include(_View):
    system: str | None = None
    concept: list[_Code] = []
    filter: list[_Filter] = []
    value_set: list[str] = []


class _Compose(_View):
    include: list[Include] = []
    exclude: list[Include] = []


class _Expansion(_View):
    contains: list[_Code] = []


class _Target(_View):
    code: str | None = None
    equivalence: str = "equivalent"
    relationship: str | None = None  # R5


class _Element(_View):
    code: str | None = None
    target: list[_Target] = []


class _Group(_View):
    source: str | None = None
    target: str | None = None
    element: list[_Element] = []


class Resource(_View):
    """ValueSet, ConceptMap or CodeSystem: what is needed of them."""

    resource_type: str
    id: str = ""
    url: str = ""
    title: str = ""
    title_translation: _Translated = msgspec.field(default_factory=_Translated, name="_title")
    extension: list[_Extension] = []
    compose: _Compose = msgspec.field(default_factory=_Compose)
    expansion: _Expansion = msgspec.field(default_factory=_Expansion)
    group: list[_Group] = []
    concept: list[_Code] = []


DECODER = msgspec.json.Decoder(Resource)


def members(includes: list[Include], path: Path, where: str) -> Iterator[tuple[Coding, bool]]:
    """Each code of the includes, and whether it is exact (False: a prefix).

    Raises TerminologyError for what only a terminology server could answer (hierarchies, other value sets).
    """
    for number, include in enumerate(includes):
        place = f"{path.name}: {where}[{number}]"
        if include.value_set or not include.system:
            raise TerminologyError(
                f"{place}: codes with a system are read here, references to other value sets are not"
            )
        if not include.concept and len(include.filter) != 1:
            raise TerminologyError(f"{place}: expected a list of concepts or one filter; FHIR joins several with AND")
        for code in include.concept:
            yield coding(include.system, code.code), True
        for wanted in include.filter:
            prefix = wanted.value.removesuffix(".*") if wanted.op == "regex" else wanted.value
            system = system_uri(include.system)
            if wanted.op not in ("is-a", "regex") or system in NO_HIERARCHY or not prefix.replace(".", "").isalnum():
                raise TerminologyError(
                    f"{place}.filter: only is-a, or regex 'PREFIX.*', on a code system read by prefix"
                )
            yield coding(system, prefix), False


def mappings(resource: Resource, path: Path) -> Iterator[tuple[Coding, Coding, str]]:
    """Each (source, target, element path) that a ConceptMap states; a stated non-match is none.

    Raises TerminologyError for a mapping that is not true of every use of the source code, or is incomplete.
    """
    for g, group in enumerate(resource.group):
        if not group.source or not group.target:
            raise TerminologyError(f"{path.name}: group[{g}]: needs source and target, the two code systems")
        for e, element in enumerate(group.element):
            for t, target in enumerate(element.target):
                where = f"group[{g}].element[{e}].target[{t}]"
                if target.relationship is not None:
                    raise TerminologyError(f"{path.name}: {where}: relationship is FHIR R5; write an R4 equivalence")
                if target.equivalence == "unmatched" and target.code:
                    raise TerminologyError(
                        f"{path.name}: {where}: 'unmatched' says that no code matches, and {target.code!r} is given; "
                        "write 'equivalent', or take the code out"
                    )
                if target.equivalence in ("unmatched", "disjoint"):
                    continue
                if target.equivalence in ("narrower", "specializes", "inexact"):
                    raise TerminologyError(
                        f"{path.name}: {where}: {target.equivalence!r} says the code is not always that; "
                        "map to a target that is true of every use of it (equivalent, wider)"
                    )
                if not element.code or not target.code:
                    raise TerminologyError(
                        f"{path.name}: {where}: needs a source code and a target code; "
                        "a code that is not to be mapped is 'unmatched'"
                    )
                yield coding(group.source, element.code), coding(group.target, target.code), where


def site_file(path: Path) -> Resource:
    """A site's ValueSet or ConceptMap. Raises TerminologyError when it is neither, or cannot be read."""
    try:
        resource = DECODER.decode(path.read_bytes())
    except msgspec.ValidationError as error:
        reason, _, element = str(error).partition(" - at `$")
        raise TerminologyError(f"{path.name}: {element.strip('`.') or 'resourceType'}: {reason}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise TerminologyError(f"{path.name}: not JSON that can be read: {error}") from None
    if resource.resource_type not in ("ValueSet", "ConceptMap"):
        raise TerminologyError(
            f"{path.name}: resourceType: {resource.resource_type!r}; write a ValueSet or a ConceptMap"
        )
    return resource
