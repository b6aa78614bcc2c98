"""Suggestions an EHR can take: FHIR ActivityDefinitions beside this file become draft resources (ruling 53).

A file is one thing that may be suggested: its ``kind``, ``code``, ``priority``, title and description in English with
Chinese translations as FHIR has them. At run time only the patient and the language are filled in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from cards.text import Text, same
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
    definition = definitions()[name]
    label = text_of(definition, "title").say(language)
    told: Json = {"label": label, "uuid": str(uuid5(NAMESPACE_URL, f"{card}/{name}"))}
    if recommended:
        told["isRecommended"] = True
    description = text_of(definition, "description").say(language) if "description" in definition else label
    resource = proposal(definition, language, subject)
    if wanted := _inputs(definition, language, missing):
        resource["input"] = wanted
    return told | {"actions": [{"type": "create", "description": description, "resource": resource}]}


def proposal(definition: Json, language: str, subject: str | None) -> Json:
    """The draft resource of a definition, with the elements R4 requires of its kind."""
    kind = definition["kind"]
    label = text_of(definition, "title").say(language)
    code = {"coding": definition["code"]["coding"], "text": label} if "code" in definition else {"text": label}
    patient = {"reference": subject or "Patient/unknown"}
    resource: Json = {"resourceType": kind, "status": "draft", "intent": "proposal"}
    if kind == "Appointment":
        participant = [{"actor": patient, "status": "needs-action"}]
        return {"resourceType": kind, "status": "proposed", "description": label, "participant": participant}
    if "priority" in definition:
        resource["priority"] = definition["priority"]
    if kind == "Task":
        return resource | {"code": code, "description": label, "for": patient}
    if kind == "CarePlan":
        return resource | {"title": label, "subject": patient}
    if kind == "MedicationRequest":
        return resource | {"medicationCodeableConcept": code, "subject": patient}
    return resource | {"code": code, "subject": patient}


def _inputs(definition: Json, language: str, missing: Iterable[str]) -> list[Json]:
    """``Task.input`` as Structured Data Capture has it: the questionnaire; and which of its questions are open."""
    forms = [one["resource"] for one in definition.get("relatedArtifact", ()) if "/Questionnaire/" in one["resource"]]
    told: list[Json] = []
    for form in forms:
        told.append({"type": {"coding": [{"system": SDC, "code": "questionnaire"}]}, "valueCanonical": form})
        asked = questions(form)
        told += [
            {
                "type": {"text": word("card", "item").say(language)},
                "valueCoding": {**asked[name], "display": name_of(name).say(language)},
            }
            for name in dict.fromkeys(missing)
            if name in asked
        ]
    return told
