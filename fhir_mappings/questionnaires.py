"""Finished answers to our own questionnaires: the same items as in Observations, ``linkId`` = their code.

``bone-lesion`` and ``spine-lesion`` are one lesion each; ``patient-assessment`` is about the patient. Another
questionnaire says nothing here, whatever its linkIds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import msgspec

from fhir_mappings import views
from fhir_mappings.assessments import READERS as ASSESSMENTS
from fhir_mappings.assessments import from_value
from fhir_mappings.chart import Skipped
from fhir_mappings.code_systems import BASE
from fhir_mappings.finding import UNREADABLE, Evidence
from fhir_mappings.lesions import ALONE, ITEMS, partial_lesion, read_item
from fhir_mappings.observations import original_of
from fhir_mappings.reading import Read, Reader, Search, Shelf
from fhir_mappings.sites import Site, combine, read_side, read_site
from fhir_mappings.when import read_when

_LESIONS = ("bone-lesion", "spine-lesion")
OURS = (*_LESIONS, "patient-assessment")
_FINISHED = {"completed", "amended"}
_UNFINISHED = {"in-progress", "entered-in-error", "stopped"}
_PLACES = ("body-site", "spinal-level")


class _Code(msgspec.Struct):
    system: str
    code: str


class _Question(msgspec.Struct, rename="camel"):
    link_id: str
    code: list[_Code] = []


class _Questionnaire(msgspec.Struct):
    item: list[_Question]


Answered = tuple[str, views.Value]  # (linkId, one answer as a value)


def read_response(response: views.QuestionnaireResponse, _: frozenset[str], shelf: Shelf) -> Read:
    """One finished response: a partial Lesion, or what it says of the patient; several answers to a question each.

    An answer that is not understood is skipped and named. An item of the other kind of questionnaire is read as well:
    a lesion's response may say something of the patient, at that lesion.
    """
    form = _form(response.questionnaire)
    if form is None or response.status in _UNFINISHED:
        return
    reference = f"QuestionnaireResponse/{response.id}" if response.id else ""
    if response.status not in _FINISHED:
        yield Skipped(reference, UNREADABLE, "status", (form,))
        return
    evidence = Evidence(reference, read_when(response.authored))
    answered = list(_answers(response.item or []))
    site = _site(answered, (*_PLACES, "lesion-region"), shelf)
    if form in _LESIONS:
        items = [
            read_item(code, value, _with_original(evidence, value), shelf, ALONE)
            for code, value in answered
            if code in ITEMS
        ]
        # A region tells no lesions apart: two may be in one region.
        lesion = partial_lesion(evidence, items, _site(answered, _PLACES, shelf))
        yield msgspec.structs.replace(lesion, site=site if site.known else lesion.site)
    for code, value in answered:
        if code not in ITEMS and (finding := from_value(code, value, evidence, shelf, site)) is not None:
            yield finding


@cache
def questions(canonical: str) -> dict[str, dict[str, str]]:
    """The questions of one of our questionnaires: its code (system and code) by linkId; none for anybody else's."""
    form = _form(canonical)
    if form is None:
        return {}
    raw = files("fhir_mappings").joinpath("codes", f"Questionnaire-{form}.json").read_bytes()
    items = msgspec.json.decode(raw, type=_Questionnaire).item
    return {one.link_id: {"system": one.code[0].system, "code": one.code[0].code} for one in items if one.code}


def _form(canonical: str | None) -> str | None:
    """Which of our questionnaires a canonical names (with or without ``|version``), None for anybody else's."""
    url = (canonical or "").split("|")[0].split("#")[0].rstrip("/")
    name = url.removeprefix(f"{BASE}/Questionnaire/")
    return name if name != url and name in OURS else None


def _answers(items: list[views.AnswerItem]) -> Iterator[Answered]:
    """Every answer with its linkId, from groups within groups and from questions below answers."""
    for item in items:
        for answer in item.answer or []:
            yield item.link_id or "", _value(answer)
            yield from _answers(answer.item or [])
        yield from _answers(item.item or [])


def _value(answer: views.Answer) -> views.Value:
    return views.Value(
        value_boolean=answer.value_boolean,
        value_decimal=answer.value_decimal,
        value_integer=answer.value_integer,
        value_string=answer.value_string,
        value_quantity=answer.value_quantity,
        value_codeable_concept=views.CodeableConcept([answer.value_coding]) if answer.value_coding else None,
    )


def _with_original(evidence: Evidence, value: views.Value) -> Evidence:
    return msgspec.structs.replace(evidence, original=original_of(value))


def _site(answered: list[Answered], places: tuple[str, ...], shelf: Shelf) -> Site:
    """The place the answers to these questions name together, and the side."""
    concepts = {code: value.value_codeable_concept for code, value in answered if value.value_codeable_concept}
    site = combine(read_site(concepts.get(code), shelf) for code in places)
    side = read_side(concepts.get("laterality"), shelf)
    return msgspec.structs.replace(site, side=side) if side and site.known else site


_ASKED = {name for _, reader in ASSESSMENTS for name in reader.called(reader.wants or ())}
_ANYTHING = ("lesion", *sorted(ITEMS | _ASKED))
READERS: tuple[tuple[str, Reader], ...] = (
    ("QuestionnaireResponse", Reader(views.QuestionnaireResponse, read_response, anything=_ANYTHING)),
)
PREFETCH: dict[str, Search] = {"questionnaires": Search("QuestionnaireResponse", parameters="&_sort=-authored")}
