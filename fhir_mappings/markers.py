"""Tumour markers: receptors, tests of genes and histology, in the many shapes laboratories give their results."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any, ClassVar

from fhir_mappings import views
from fhir_mappings.chart import Skipped
from fhir_mappings.finding import UNIT_NOT_UNDERSTOOD, UNREADABLE, Finding, Key, Missing
from fhir_mappings.observations import (
    RESULTS,
    absent,
    codings_of,
    element_of,
    evidence_of,
    has_value,
    interpretations_of,
    locals_of,
    number_in,
    only_one,
    original_of,
    quantity_of,
    reference_of,
    result_of,
    unusable,
    usable,
    values_of,
)
from fhir_mappings.reading import Read, Reader, Search, Shelf

_TABLE: dict[str, Any] = tomllib.loads(files("fhir_mappings").joinpath("markers.toml").read_text("utf-8"))
_RECEPTORS: dict[str, dict[str, Any]] = _TABLE["receptors"]
_RECEPTOR_OF = {rules["concept"]: marker for marker, rules in _RECEPTORS.items()}
_MARKERS_OF = {concept: {marker} for concept, marker in _RECEPTOR_OF.items()} | {
    "genetic-variant-assessment": set(_TABLE["genes"]),
    "egfr-mutation": {"egfr"},
    "histology-observation": {"histology"},
}
_OF_GENE = {"positive": "mutated", "negative": "wild-type"}
GENES: dict[str, str] = _TABLE["genes"]
"""Local gene code -> the concept of its HGNC number."""


class Marker(Finding, frozen=True, kw_only=True):
    """A receptor or gene result.

    ``marker``: ``er`` ``pr`` ``her2`` (value ``positive`` ``negative`` ``equivocal``), ``egfr`` ``stk11`` ``keap1``
    ``met`` (value ``mutated`` ``wild-type``), or ``histology`` (value a concept such as ``lung-adenocarcinoma``).
    """

    keys: ClassVar[tuple[Key, ...]] = ("tumour-markers",)
    marker: str
    value: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.marker,)

    @property
    def shown(self) -> str:
        return self.value


def read_markers(observation: views.Observation, concepts: frozenset[str], shelf: Shelf) -> Read:
    """Receptors, tests for gene variants and histology; the local gene codes are read as items (assessments.py)."""
    if usable(observation.status) is None:
        names = {marker for concept in concepts & _MARKERS_OF.keys() for marker in _MARKERS_OF[concept]}
        if skipped := unusable(observation, tuple(sorted(names))):
            yield skipped
        return
    for value in values_of(observation):
        said = shelf.concepts(value.code)
        for concept in sorted(said & _RECEPTOR_OF.keys()):
            yield _receptor(_RECEPTOR_OF[concept], value, observation, shelf)
        if "histology-observation" in said:
            yield from _histology(value, observation, shelf)
    if "genetic-variant-assessment" in concepts:
        yield from _variant(observation, shelf)
    elif "egfr-mutation" in concepts and "egfr" not in concepts:
        yield from _egfr_test(observation, shelf)


def _receptor(marker: str, value: views.Value, observation: views.Observation, shelf: Shelf) -> Marker | Skipped:
    why = absent(value)
    result = None if why else next((said for step in _STEPS if (said := step(marker, value, shelf))), None)
    if result is not None:
        return Marker(evidence=evidence_of(observation, original_of(value)), marker=marker, value=result)
    why = why or (UNREADABLE if value.value_quantity is None else UNIT_NOT_UNDERSTOOD)
    return Skipped(reference_of(observation), why, element_of(value), (marker,))


def _by_code(marker: str, value: views.Value, shelf: Shelf) -> str | None:
    if value.value_boolean is not None:
        return "positive" if value.value_boolean else "negative"
    concept = value.value_codeable_concept
    disorders = {result: set(_RECEPTORS[marker].get(result, ())) for result in RESULTS}
    return only_one(
        {result for result in RESULTS if disorders[result] & shelf.concepts(concept)}
        | {result for result in (result_of(concept, shelf),) if result}
    )


def _by_interpretation(_: str, value: views.Value, shelf: Shelf) -> str | None:
    listed = _TABLE["interpretation"]
    found: set[str] = set()
    for concept in interpretations_of(value):
        codes = {coding.code for coding in concept.codings if coding.system in listed["systems"]}
        found |= {result for result in RESULTS if codes & set(listed[result])}
        found |= {result for result in (result_of(concept, shelf),) if result}
    return only_one(found)


def _by_percent(marker: str, value: views.Value, _: Shelf) -> str | None:
    limit = _RECEPTORS[marker].get("positive_from_percent")
    if limit is None or quantity_of(value) is None:
        return None
    cells = number_in("receptor-cells", value)
    if isinstance(cells, str):
        return None
    return {True: "positive", False: "negative", None: None}[cells[0].at_least(Decimal(limit))]


def _by_text(marker: str, value: views.Value, _: Shelf) -> str | None:
    text = " ".join((value.value_string or "").casefold().split()).strip("()（）")
    own = _RECEPTORS[marker]["texts"]
    return only_one({result for result in RESULTS if text in (*own.get(result, ()), *_TABLE["texts"][result])})


_STEPS: tuple[Callable[[str, views.Value, Shelf], str | None], ...] = (
    _by_code,
    _by_interpretation,
    _by_percent,
    _by_text,
)


def _histology(value: views.Value, observation: views.Observation, shelf: Shelf) -> Iterator[Marker | Skipped]:
    if not has_value(value):
        return
    known = shelf.terminology.of_kind("value") | shelf.terminology.of_kind("condition")
    kinds = shelf.concepts(value.value_codeable_concept) & known
    types = sorted(kind for kind in kinds if kind.startswith(("histology-", "primary-")))
    for kind in types:
        yield Marker(evidence=evidence_of(observation, original_of(value)), marker="histology", value=kind)
    if not types:
        yield Skipped(reference_of(observation), absent(value) or UNREADABLE, element_of(value), ("histology",))


def _variant(observation: views.Observation, shelf: Shelf) -> Iterator[Marker | Skipped]:
    """One variant present is a mutation of its gene; absent is wild type only when no single variant was named."""
    components = observation.component or []
    studied = [one for one in components if "gene-studied" in shelf.concepts(one.code)]
    concepts = shelf.concepts(*(one.value_codeable_concept for one in studied))
    genes = tuple(gene for gene, concept in sorted(GENES.items()) if concept in concepts)
    result = result_of(observation.value_codeable_concept, shelf)
    if not genes or (result == "negative" and len(studied) < len(components)):
        return
    if absent(observation) or result not in _OF_GENE or (result == "positive" and len(studied) > 1):
        yield Skipped(reference_of(observation), absent(observation) or UNREADABLE, element_of(observation), genes)
        return
    for gene in genes:
        evidence = evidence_of(observation, original_of(observation))
        yield Marker(evidence=evidence, marker=gene, value=_OF_GENE[result])


def read_gene(gene: str, value: views.Value, shelf: Shelf) -> str | Missing:
    """``mutated`` or ``wild-type`` as the answer to a test of the whole gene, else why not."""
    if (reason := absent(value)) is not None:
        return Missing(gene, reason)
    concept = value.value_codeable_concept
    said = locals_of(concept, shelf) & set(_OF_GENE.values())
    if (result := result_of(concept, shelf)) in _OF_GENE:
        said.add(_OF_GENE[result])
    return only_one(said) or Missing(gene, UNREADABLE)


def _egfr_test(observation: views.Observation, shelf: Shelf) -> Iterator[Marker | Skipped]:
    """A test for one variant says mutated when it is positive, and nothing of the gene when it is negative."""
    found = read_gene("egfr", observation, shelf)
    if isinstance(found, Missing):
        yield Skipped(reference_of(observation), found.why, element_of(observation), ("egfr",))
    elif found == "mutated" or codings_of(observation.code) & set(_TABLE["whole_gene"]["egfr"]):
        yield Marker(evidence=evidence_of(observation, original_of(observation)), marker="egfr", value=found)


_NAMES: dict[str, tuple[str, ...]] = {concept: tuple(sorted(markers)) for concept, markers in _MARKERS_OF.items()}
READERS: tuple[tuple[str, Reader], ...] = (
    ("Observation", Reader(views.Observation, read_markers, frozenset(_MARKERS_OF), _NAMES)),
)
PREFETCH: dict[str, Search] = {
    "tumour-markers": Search(
        "Observation", tuple(sorted(_MARKERS_OF)), local=tuple(sorted(GENES)), parameters="&_sort=-date"
    ),
}
