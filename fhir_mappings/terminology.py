"""Which clinical concepts a coding belongs to: the files of ``codes/``, and a site's own maps on top.

A concept is a ValueSet of ``codes/``; its id (``calcium-total``, ``med-denosumab``) is what readers and rules ask for.
Codes match with their system only. ICD-10 and ATC match by prefix, ICD-10 (WHO) and ICD-10-CM stay two systems.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import msgspec

from fhir_mappings.code_systems import (
    ADVISORY,
    ATC,
    BASE,
    CDT,
    CONCEPT,
    CPT,
    DICOM,
    HCPCS,
    HGNC,
    ICD10,
    ICD10CM,
    ICDO3,
    LOCAL,
    LOINC,
    OVERRIDE_REASON,
    RXNORM,
    SERVICE_TYPE,
    SNOMED,
    Coding,
    coding,
)
from fhir_mappings.terminology_files import DECODER, Include, Resource, TerminologyError, mappings, members, site_file
from fhir_mappings.views import Codes

__all__ = [
    "ADVISORY",
    "ATC",
    "BASE",
    "CDT",
    "CONCEPT",
    "CPT",
    "DICOM",
    "HCPCS",
    "HGNC",
    "ICD10",
    "ICD10CM",
    "ICDO3",
    "LOCAL",
    "LOINC",
    "OVERRIDE_REASON",
    "RXNORM",
    "SERVICE_TYPE",
    "SNOMED",
    "Coding",
    "Terminology",
    "TerminologyError",
]

_REMEMBERED = 20_000  # a client may send any code, of any length: what is remembered has an end
_LONGEST_REMEMBERED = 256  # characters of a system and a code together


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one coding says: how it is looked up, its concepts, its LOCAL code (its own, or by a ConceptMap)."""

    key: Coding
    concepts: frozenset[str]
    local: str | None
    meaning: frozenset[str]  # the concepts and the LOCAL code together: everything a reader may want it for


_NOTHING = Said(("", ""), frozenset(), None, frozenset())


class Terminology:
    """The concepts of ``codes/`` and, where a folder is given, a site's additions. Immutable once loaded."""

    def __init__(self) -> None:
        self._labels: dict[str, tuple[str, str]] = {}
        self._kinds: dict[str, frozenset[str]] = {}
        self._local_labels: dict[str, tuple[str, str]] = {}
        self._texts: list[tuple[str, str]] = []
        self._exact: dict[Coding, set[str]] = {}
        self._prefix: dict[str, dict[str, set[str]]] = {}
        self._out: dict[str, dict[str, set[str]]] = {}  # what a value set excludes, by prefix
        self._to_local: dict[Coding, str] = {}
        self._site: dict[Coding, frozenset[str]] = {}
        self._codes: dict[str, list[Coding]] = {}
        self._prefixes: dict[str, list[Coding]] = {}
        self._remembered: dict[Asked, Said] = {}

    @classmethod
    def load(cls, site_folder: Path | None = None) -> Terminology:
        """The shipped files and the ConceptMap and ValueSet JSON of ``site_folder``.

        A site's ValueSet with the id of a concept adds codes to it. A site's ConceptMap says what a code means, to a
        LOCAL code, to a code some concept knows, or (target system ``CONCEPT``) to a concept id, else a LOCAL code, and
        replaces what the shipped files say of that code. Raises TerminologyError for a file that cannot be used.
        """
        self = cls()
        maps = []
        for path in sorted((Path(__file__).parent / "codes").glob("*.json")):
            name = path.name
            if name.startswith("ValueSet-"):
                self._add_concept(DECODER.decode(path.read_bytes()))
            elif name == "CodeSystem-bone-metastasis.json":
                for code in DECODER.decode(path.read_bytes()).concept:
                    chinese = next((d.value for d in code.designation), code.display or code.code)
                    self._local_labels[code.code] = (code.display or code.code, chinese)
            elif name.startswith("ConceptMap-") and not name.startswith("ConceptMap-override-"):
                maps.append(DECODER.decode(path.read_bytes()))
        for shipped in maps:
            for source, target, _ in mappings(shipped, Path(shipped.id)):
                self._to_local[source] = target[1]
        if site_folder is not None:
            self._add_site(site_folder)
        return self

    def said(self, system: str | None, code: str | None) -> Said:
        """Everything known about a coding, worked out once; nothing without a system or a code."""
        asked = (system, code)
        found = self._remembered.get(asked)
        if found is None:
            found = self._look_up(coding(system, code)) if system and code else _NOTHING
            if len(system or "") + len(code or "") <= _LONGEST_REMEMBERED:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[asked] = found
        return found

    def concepts(self, system: str | None, code: str | None) -> frozenset[str]:
        """The ids of all concepts this coding belongs to."""
        return self.said(system, code).concepts

    def meaning(self, system: str | None, code: str | None) -> frozenset[str]:
        """Everything a coding says to a reader: its concepts and its LOCAL code."""
        return self.said(system, code).meaning

    def local(self, system: str | None, code: str | None) -> str | None:
        """The LOCAL code this coding is, or is mapped to by a shipped or a site's ConceptMap."""
        return self.said(system, code).local

    def meaning_of(self, code: Codes) -> frozenset[str]:
        """Everything the codings of a code say."""
        codings = code.codings if code.concept is not None else code.coding or ()
        if len(codings) != 1:
            return frozenset().union(*(self.meaning(one.system, one.code) for one in codings))
        known = self._remembered.get((codings[0].system, codings[0].code))  # nearly all that a chart asks
        return (known or self.said(codings[0].system, codings[0].code)).meaning

    def of_text(self, text: str) -> frozenset[str]:
        """Concepts named by a free text. Only the few drugs that have no code anywhere are looked for (ruling 33)."""
        plain = _plain(text)
        return frozenset(concept for word, concept in self._texts if word in plain)

    def codes(self, concept: str) -> tuple[Coding, ...]:
        """The exact (system, code) pairs of a concept, LOCAL and a site's included: for building searches.

        Raises KeyError for an unknown concept.
        """
        return tuple(self._codes[concept])

    def prefixes(self, concept: str) -> tuple[Coding, ...]:
        """The (system, prefix) pairs of a concept (``C50`` of ICD-10). Raises KeyError for an unknown concept."""
        return tuple(self._prefixes[concept])

    def label(self, concept: str, lang: str) -> str:
        """The title of a concept, or the display of a LOCAL code, in ``en`` or (``zh...``) simplified Chinese.

        Raises KeyError for a word that is neither.
        """
        labels = self._labels.get(concept) or self._local_labels[concept]
        return labels[lang.lower().startswith("zh")]

    def of_kind(self, kind: str) -> frozenset[str]:
        """Concepts of one kind: ``observation`` ``value`` ``condition`` ``medication`` ``procedure`` ``bodysite``."""
        return self._kinds.get(kind, frozenset())

    @property
    def ids(self) -> frozenset[str]:
        """Every concept id."""
        return frozenset(self._labels)

    @property
    def local_codes(self) -> frozenset[str]:
        """Every LOCAL code."""
        return frozenset(self._local_labels)

    def _look_up(self, key: Coding) -> Said:
        concepts, local = self._find(key), self._local(key)
        return Said(key, concepts, local, concepts if local is None else concepts | {local})

    def _local(self, key: Coding) -> str | None:
        if key[0] == LOCAL:
            return key[1] if key[1] in self._local_labels else None
        return self._to_local.get(key)

    def _find(self, key: Coding) -> frozenset[str]:
        if key in self._site:
            return self._site[key]
        system, code = key
        found = set(self._exact.get(key, ()))
        if prefixes := self._prefix.get(system):
            found |= _under(prefixes, code)
        if found and (out := self._out.get(system)):
            found -= _under(out, code)
        return frozenset(found)

    def _add_concept(self, value_set: Resource) -> None:
        concept = value_set.id
        self._labels[concept] = (value_set.title, value_set.title_translation.content or value_set.title)
        self._codes[concept], self._prefixes[concept] = [], []
        for extension in value_set.extension:
            if extension.url.endswith("/text-match") and extension.value_string:
                self._texts.append((_plain(extension.value_string), concept))
            elif extension.url.endswith("/concept-kind") and extension.value_code:
                self._kinds[extension.value_code] = self.of_kind(extension.value_code) | {concept}
        self._include(concept, value_set, Path(f"ValueSet-{concept}.json"))
        for (system, code), _ in members(value_set.compose.exclude, Path(concept), "compose.exclude"):
            self._out.setdefault(system, {}).setdefault(code, set()).add(concept)

    def _include(self, concept: str, value_set: Resource, path: Path) -> None:
        for key, exact in members(value_set.compose.include, path, "compose.include"):
            if exact:
                self._exact.setdefault(key, set()).add(concept)
                self._codes[concept].append(key)
            else:
                self._prefix.setdefault(key[0], {}).setdefault(key[1], set()).add(concept)
                self._prefixes[concept].append(key)

    def _add_site(self, folder: Path) -> None:
        if not folder.is_dir():
            raise TerminologyError(f"{folder}: no such folder")
        resources = [(path, site_file(path)) for path in sorted(folder.glob("*.json"))]
        for path, resource in resources:
            if resource.resource_type == "ValueSet":
                self._extend(path, resource)
        meant: dict[Coding, tuple[Coding, str]] = {}
        for path, resource in resources:
            if resource.resource_type != "ConceptMap":
                continue
            for source, target, where in mappings(resource, path):
                place = f"{path.name}: {where}"
                if source in meant and meant[source][0] != target:
                    raise TerminologyError(
                        f"{place}: {source[0]}#{source[1]} is mapped to {target[1]!r} here and to "
                        f"{meant[source][0][1]!r} at {meant[source][1]}. Keep one."
                    )
                meant[source] = (target, place)
        resolved = {source: self._resolve(target, place) for source, (target, place) in meant.items()}
        for source, (concepts, local) in resolved.items():
            self._site[source] = concepts
            self._to_local.pop(source, None)
            if local is not None:
                self._to_local[source] = local
            for concept in concepts:
                self._codes[concept].append(source)

    def _extend(self, path: Path, value_set: Resource) -> None:
        concept = value_set.id if value_set.id in self._labels else value_set.url.removeprefix(f"{CONCEPT}/")
        if concept not in self._labels:
            raise TerminologyError(f"{path.name}: id: {value_set.id!r} is no concept of this product, nor is its url")
        if value_set.compose.exclude:
            raise TerminologyError(f"{path.name}: compose.exclude: a site's value set can only add codes")
        for number, code in enumerate(value_set.expansion.contains):
            if not code.system:
                raise TerminologyError(f"{path.name}: expansion.contains[{number}]: no system")
            value_set.compose.include.append(Include(system=code.system, concept=[code]))
        self._include(concept, value_set, path)

    def _resolve(self, target: Coding, place: str) -> tuple[frozenset[str], str | None]:
        system, code = target
        if system == CONCEPT:
            if code in self._labels:
                return frozenset({code}), None
            if code in self._local_labels:  # one target system is enough for a map of labs, drugs and lesion items
                return frozenset(), code
            raise TerminologyError(f"{place}: {code!r} is no concept id of this product")
        concepts, local = self._find(target), self._local(target)
        if not concepts and local is None:
            raise TerminologyError(f"{place}: no concept of this product knows {system}#{code}")
        return concepts, local


Asked = tuple[str | None, str | None]  # a system and a code, as a client wrote them


def _under(prefixes: dict[str, set[str]], code: str) -> set[str]:
    found: set[str] = set()
    longest = max(map(len, prefixes), default=0)  # a client may send a code of any length
    for length in range(1, min(len(code), longest) + 1):
        found |= prefixes.get(code[:length], set())
    return found


def _plain(text: str) -> str:
    """NFKC, lower case, without invisible characters (a zero-width space inside a word is common)."""
    if text.isascii():
        return text.lower()  # nothing to fold, nothing invisible
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
