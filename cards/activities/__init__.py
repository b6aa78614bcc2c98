"""Suggestions an EHR can take: FHIR ActivityDefinitions beside this file become draft resources (ruling 53).

A file is one thing that may be suggested: its ``kind``, ``code``, ``priority``, title and description in English with
Chinese translations as FHIR has them. At run time only the patient and the language are filled in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cards.text import Text, same
from cards.uuids import named, written
from cards.words import name_of, word
from fhir_mappings.questionnaires import questions

HERE = Path(__file__).parent
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
SDC = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"  # seen in SDC 3.0.0 and 4.0.0, CodeSystem temp
Json = dict[str, Any]


@cache
def definitions() -> dict[str, Json]:
    """Every ActivityDefinition by id."""
    return {path.stem: msgspec.json.decode(path.read_bytes()) for path in sorted(HERE.glob("*.json"))}


def text_of(definition: Json, element: str) -> Text:
    """A translated element of a definition."""
    english = definition[element]
    for extension in definition.get(f"_{element}", {}).get("extension", ()):
        parts = {part["url"]: part for part in extension.get("extension", ())}
        if extension["url"] == TRANSLATION and parts["lang"]["valueCode"].startswith("zh"):
            content = parts["content"]
            return Text(english, content.get("valueString") or content.get("valueMarkdown"))
    return same(english)


def suggestion(
    name: str,
    language: str,
    subject: str | None,
    card: str,
    *,
    recommended: bool = False,
    missing: Iterable[str] = (),
) -> Json:
    """One suggestion of a card: a create action with a draft proposal. ``subject``: "Patient/1". ``missing``: the items
    the card had to do without; a task to fill in a questionnaire names those of them that it asks.

    Raises KeyError for an activity that does not exist: a defect the house test finds.
    """
    label, description = _wording(name, language)
    told: Json = {"label": label, "uuid": written(named(f"{card}/{name}"))}
    if recommended:
        told["isRecommended"] = True
    resource = proposal(name, language, subject)
    if wanted := _inputs(name, language, missing):
        resource["input"] = wanted
    told["actions"] = [{"type": "create", "description": description, "resource": resource}]
    return told


def proposal(name: str, language: str, subject: str | None) -> Json:
    """The draft resource of an activity, with the elements R4 requires of its kind."""
    draft = _draft(name, language)
    patient = {"reference": subject or "Patient/unknown"}
    if draft["resourceType"] == "Appointment":
        return draft | {"participant": [{"actor": patient, "status": "needs-action"}]}
    return draft | {"for" if draft["resourceType"] == "Task" else "subject": patient}


@cache
def _draft(name: str, language: str) -> Json:
    """The draft resource with everything but the patient; all calls share it."""
    definition = definitions()[name]
    kind, (label, _) = definition["kind"], _wording(name, language)
    code = {"coding": definition["code"]["coding"], "text": label} if "code" in definition else {"text": label}
    if kind == "Appointment":
        return {"resourceType": kind, "status": "proposed", "description": label}
    resource: Json = {"resourceType": kind, "status": "draft", "intent": "proposal"}
    if "priority" in definition:
        resource["priority"] = definition["priority"]
    if kind == "Task":
        return resource | {"code": code, "description": label}
    if kind == "CarePlan":
        return resource | {"title": label}
    return resource | {"medicationCodeableConcept" if kind == "MedicationRequest" else "code": code}


@cache
def _wording(name: str, language: str) -> tuple[str, str]:
    """The label of an activity, and what its action does."""
    definition = definitions()[name]
    label = text_of(definition, "title").say(language)
    return label, text_of(definition, "description").say(language) if "description" in definition else label


@cache
def _forms(name: str) -> tuple[str, ...]:
    """The questionnaires an activity asks to be filled in."""
    related = definitions()[name].get("relatedArtifact", ())
    return tuple(artifact["resource"] for artifact in related if "/Questionnaire/" in artifact["resource"])


def _inputs(name: str, language: str, missing: Iterable[str]) -> list[Json]:
    """``Task.input`` as Structured Data Capture has it: the questionnaire; and which of its questions are open."""
    told: list[Json] = []
    for form in _forms(name):
        told.append({"type": {"coding": [{"system": SDC, "code": "questionnaire"}]}, "valueCanonical": form})
        asked = questions(form)
        told += [
            {
                "type": {"text": word("card", "item").say(language)},
                "valueCoding": {**asked[item], "display": name_of(item).say(language)},
            }
            for item in dict.fromkeys(missing)
            if item in asked
        ]
    return told
