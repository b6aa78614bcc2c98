"""The recorded examples as the charts of one FHIR server: every patient and every resource gets an id of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.record_examples import EXAMPLES
from tests.situations import shipped_catalogue

Json = dict[str, Any]
RECORDED = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))
_EVERYONE = "case"  # the patient of every example


class Example:
    """One recorded example, moved to the patient named like it.

    ``resources``: its chart. ``service``: the id of its service. ``context``, ``extension``: those of its request.
    ``cards``: what was recorded for it in English.
    """

    def __init__(self, name: str) -> None:
        folder = EXAMPLES / name
        text = (folder / "request.json").read_text("utf-8")
        request = msgspec.json.decode(text.replace(f'"Patient/{_EVERYONE}"', f'"Patient/{name}"'))
        self.name = name
        self.hook: str = request["hook"]
        self.service = f"{shipped_catalogue().advisories[name].theme}-{self.hook}"
        self.context: Json = request["context"] | {"patientId": name}
        self.extension: Json = request["extension"]
        self.prefetch = {key: list(_resources(value)) for key, value in request["prefetch"].items()}
        for resource in self._all():
            resource["id"] = name if resource["resourceType"] == "Patient" else f"{name}-{resource['id']}"
        self.cards: list[Json] = msgspec.json.decode((folder / "card.en.json").read_bytes())["cards"]

    @property
    def resources(self) -> list[Json]:
        """Each once, the patient first: a resource that two keys ask for stands under both."""
        found = {f"{one['resourceType']}/{one['id']}": one for one in self._all()}
        if encounter := self.context.get("encounterId"):
            found[f"Encounter/{encounter}"] = {
                "resourceType": "Encounter",
                "id": encounter,
                "status": "in-progress",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"},
            }
        return sorted(found.values(), key=lambda one: one["resourceType"] != "Patient")

    def _all(self) -> Iterator[Json]:
        for resources in self.prefetch.values():
            yield from resources

    def told(self, cards: list[Json]) -> list[Json]:
        """Cards as they were recorded: with the ids of the recording, and without what is made anew for each call."""
        text = msgspec.json.encode(cards).decode()
        text = text.replace(f"Patient/{self.name}", f"Patient/{_EVERYONE}")
        text = re.sub(rf"\b([A-Z]\w+)/{self.name}-", r"\1/", text)
        return [_without_uuids(card) for card in msgspec.json.decode(text)]


def _resources(value: Json) -> Iterator[Json]:
    if value["resourceType"] == "Bundle":
        yield from (entry["resource"] for entry in value.get("entry", []))
    else:
        yield value


def _without_uuids(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _without_uuids(value) for key, value in part.items() if key != "uuid"}
    return [_without_uuids(one) for one in part] if isinstance(part, list) else part


def transaction(resources: list[Json]) -> Json:
    """A Bundle that puts every resource under its own id."""
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
