"""The charts of the cases as a client would send them, to be changed and answered again (invariants, fuzzing)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from heapq import nsmallest
from random import Random
from typing import Any

from cards.answer import Answer, answer
from cards.situation import Situation
from fhir_mappings.charts import read_chart
from fhir_mappings.reading import Supplied, look
from tests.situations import PATIENT, Case, encoded, shipped_terminology

Json = dict[str, Any]
LEVELS = {"info": 1, "warning": 2, "critical": 3}
OTHER = "another-patient"


class Patient:
    """The chart of a case: its resources, and how it is answered when they are changed."""

    def __init__(self, case: Case, resources: list[Json] | None = None, drafts: list[Json] | None = None) -> None:
        self.case = case
        self.resources = case.resources if resources is None else resources
        self.drafts = case.drafts if drafts is None else drafts

    @cached_property
    def supplied(self) -> list[Supplied]:
        return [look(encoded(resource)) for resource in self.resources]

    @cached_property
    def drafted(self) -> list[Supplied]:
        return [look(encoded(draft)) for draft in self.drafts]

    @cached_property
    def said(self) -> Answer:
        """The answer to the chart as it is."""
        return self.answer(self.supplied)

    def answer(
        self,
        supplied: Iterable[Supplied],
        *,
        drafts: Iterable[Supplied] | None = None,
        gaps: Mapping[str, str] | None = None,
        language: str = "en",
    ) -> Answer:
        """The answer to other resources of the same patient at the same moment."""
        catalogue = self.case._catalogue()
        reading = read_chart(
            supplied,
            terminology=shipped_terminology(),
            as_of=self.case.as_of,
            patient_id=PATIENT,
            gaps={**self.case.content.get("gaps", {}), **(gaps or {})},
            drafts=self.drafted if drafts is None else drafts,
        )
        situation = Situation(
            hook=self.case.hook,
            as_of=self.case.as_of,
            drafts=reading.drafts,
            selections=self.case.content.get("selections"),
            settings=catalogue.settings,
        )
        return answer(
            catalogue,
            reading.chart,
            situation,
            theme=None,
            language=language,
            max_cards=99,
            hook_instance="case",
            subject=f"Patient/{PATIENT}",
        )


def levels(said: Answer) -> dict[str, int]:
    """How urgently each advisory speaks, 1 to 3; the card that names what was not evaluated is none."""
    cards = {card["source"]["topic"]["code"]: LEVELS[card["indicator"]] for card in said.cards}
    return {advisory: level for advisory, level in cards.items() if advisory != "not-evaluated"}


def raised(before: Answer, after: Answer) -> dict[str, tuple[int, int]]:
    """The advisories that speak more urgently than before, and how much: ``{"mirels": (0, 2)}``."""
    was = levels(before)
    return {
        advisory: (was.get(advisory, 0), level)
        for advisory, level in levels(after).items()
        if level > was.get(advisory, 0)
    }


def shuffled(random: Random, supplied: list[Supplied]) -> list[Supplied]:
    return random.sample(supplied, len(supplied))


def of_another(resources: Iterable[Json], mark: str) -> list[Supplied]:
    """The resources as another patient's, with ids of their own; those that name no patient are left out."""
    found = []
    for resource in resources:
        moved = resource | {"id": f"{mark}-{resource.get('id', '')}"}
        if "subject" in resource:
            moved["subject"] = {"reference": f"Patient/{OTHER}"}
        elif "participant" in resource:
            moved["participant"] = [{"actor": {"reference": f"Patient/{OTHER}"}}]
        else:
            continue
        found.append(look(encoded(moved)))
    return found


def without_ids(resources: Iterable[Json]) -> list[Json]:
    return [{name: value for name, value in resource.items() if name != "id"} for resource in resources]


def renamed(random: Random, resources: Sequence[Json]) -> list[Json]:
    """The resources under other ids, which sort in another order."""
    names = random.sample(range(1000, 10_000), len(resources))
    return [resource | {"id": f"r{name}"} for name, resource in zip(names, resources, strict=True)]


def mixture(number: int, cases: Iterable[Case]) -> Patient:
    """The patient of a number: two to six cases in one. A case that is added later is in few of them."""
    random = Random(number)
    several = nsmallest(random.choice([2, 3, 4, 5, 6]), cases, key=lambda case: _drawn(number, case))
    return mixed(random, several)


def _drawn(number: int, case: Case) -> bytes:
    return blake2b(f"{number} {case.name}".encode(), digest_size=8).digest()


def mixed(random: Random, cases: Iterable[Case]) -> Patient:
    """One patient with everything that several cases' patients have, at the moment of the first."""
    several = list(cases)
    resources, drafts = [several[0].resources[0]], list(several[0].drafts)
    for number, case in enumerate(several):
        own = [resource for resource in case.resources if resource["resourceType"] != "Patient"]
        resources += [resource | {"id": f"{number}-{resource.get('id', 'x')}"} for resource in own]
        if number and random.random() < 0.5:
            drafts += [draft | {"id": f"{number}-{draft.get('id', 'x')}"} for draft in case.drafts]
    return Patient(several[0], resources, drafts)
