"""What holds for every chart, whatever is in it: shown on the chart of every case, and on mixtures of them.

Order, copies, other patients' resources and the language change nothing but words. Taking something away makes no card
more urgent unless ``invariants.toml`` says which and why; and not knowing never alarms more than knowing there is none.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.facts.diagnosis import BENIGN, BONE_TUMOURS, MYELOMA
from cards.facts.red_flags import BLADDER, CODED
from cds_service.prefetch import SEARCHES
from tests.charts import Json, Patient, levels, mixed, mixture, of_another, raised, renamed, shuffled, without_ids
from tests.fuzz.profiles import ROUND
from tests.record_examples import _matches
from tests.situations import Case, load_cases, shipped_terminology

RULES: dict[str, Json] = tomllib.loads((Path(__file__).parent / "invariants.toml").read_text("utf-8"))
MIXTURES: list[list[str]] = RULES.pop("mixtures")
CASES = load_cases()
FILES = sorted({case.name.split("/")[0] for case in CASES})
INFO, CRITICAL = 1, 3

# What invariants.toml calls a resource that says one of these concepts; any other is called by its type.
KINDS = {
    "another disease": {*MYELOMA, *BONE_TUMOURS, *BENIGN},
    "deficit": {*CODED, BLADDER},
    "calcium or albumin": {"calcium-total", "calcium-albumin-corrected", "albumin-serum"},
}

# Not knowing may not alarm, with these exceptions: (advisory, prefetch key, why).
UNKNOWN_MAY_SPEAK = {
    ("spine-emergency", "conditions"): "a positive red flag speaks whatever else is not known (1.5.6)",
    ("rt-indication", "imaging"): "info: MIMIC, which would silence it, is named as not evaluated",
    ("rt-indication", "lesions"): "info: MIMIC, which would silence it, is named as not evaluated",
    ("rt-indication", "questionnaires"): "info: MIMIC, which would silence it, is named as not evaluated",
}

# A critical card may rest on what is on record while something that would have softened it could not be had.
LOST_MAY_ALARM = {
    ("*", "flags"): "hospice care (G7) softens; not knowing of it is the usual state of things",
    ("*", "patient"): "a death that is not known silences nothing (G1)",
    ("*", "conditions"): "a refuted metastasis that is not known silences nothing (G3)",
    ("spine-emergency", "procedures"): "a red flag speaks whatever else is not known (1.5.6)",
    ("sins", "procedures"): "the score stands on the level's own items; only a record of treatment voids it (ruling 7)",
    ("sins", "assessments"): "the score stands; the emergency that would replace it is not known",
    ("rt-prefracture", "assessments"): "the fracture stands; the emergency that would replace it is not known",
    ("ctx-rebound", "medication-requests"): "the doses given tell the product; an order of the other one is not known",
    ("long-bone-surgery", "lesions"): "the coded fracture stands; a panel that says it has healed is not known",
    ("hypercalcemia", "encounter"): "inpatient only when an Encounter says so (ruling 21)",
}


@cache
def patients(file: str) -> list[Patient]:
    return [Patient(case) for case in CASES if case.name.split("/")[0] == file]


@cache
def others() -> list[Any]:
    return [one for case in CASES for one in of_another(case.resources, case.name.replace("/", "-"))]


def cards_without_words(said: Any) -> list[Any]:
    """The cards with their texts left out; what is left is the same in every language."""
    return [_wordless(card) for card in said.cards]


_TEXTS = ("summary", "detail", "title", "display", "label", "description", "text", "cite")


def _wordless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _wordless(part) for name, part in value.items() if name not in _TEXTS}
    return [_wordless(part) for part in value] if isinstance(value, list) else value


# --- Nothing but words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_order_changes_nothing(file: str) -> None:
    for patient in patients(file):
        random = Random(patient.case.name)
        said = patient.answer(shuffled(random, patient.supplied), drafts=shuffled(random, patient.drafted))
        assert said.cards == patient.said.cards, patient.case
        assert said.evaluation == patient.said.evaluation, patient.case


@pytest.mark.parametrize("file", FILES)
def test_copies_change_nothing(file: str) -> None:
    """Each resource twice, under one id and, where none has an id, byte for byte the same."""
    for patient in patients(file):
        said = patient.answer(patient.supplied * 2, drafts=patient.drafted * 2)
        assert said.cards == patient.said.cards, patient.case
        anonymous = Patient(patient.case, patient.resources[:1] + without_ids(patient.resources[1:]))
        assert anonymous.answer(anonymous.supplied * 2).cards == anonymous.said.cards, patient.case


@pytest.mark.parametrize("file", FILES)
def test_other_patients_change_nothing(file: str) -> None:
    for patient in patients(file):
        among = Random(patient.case.name).sample(others(), 6)
        said = patient.answer(shuffled(Random(patient.case.name), patient.supplied + among))
        assert said.cards == patient.said.cards, patient.case


@pytest.mark.parametrize("file", FILES)
def test_the_language_changes_words_only(file: str) -> None:
    for patient in patients(file):
        chinese = patient.answer(patient.supplied, language="zh-Hans")
        assert cards_without_words(chinese) == cards_without_words(patient.said), patient.case
        assert chinese.evaluation == patient.said.evaluation, patient.case


@pytest.mark.parametrize("file", FILES)
def test_what_resources_are_called_changes_no_level(file: str) -> None:
    """Of two that are equally new and equally specific the worse one counts (data contract 1.7), not the later id."""
    for patient in patients(file):
        assert levels(under_other_names(patient).said) == levels(patient.said), patient.case


def under_other_names(patient: Patient) -> Patient:
    names = Random(patient.case.name)
    return Patient(patient.case, patient.resources[:1] + renamed(names, patient.resources[1:]), patient.drafts)


def alarms(patient: Patient) -> dict[str, int]:
    """The levels of the cards above info."""
    return {advisory: level for advisory, level in levels(patient.said).items() if level > INFO}


@ROUND
@given(several=st.lists(st.sampled_from(CASES), min_size=2, max_size=6), random=st.randoms(use_true_random=False))
def test_the_same_of_patients_with_everything(several: list[Case], random: Random) -> None:
    patient = mixed(random, several)
    cards = patient.said.cards
    changed = shuffled(random, [*patient.supplied * 2, *random.sample(others(), 5)])
    assert patient.answer(changed, drafts=shuffled(random, patient.drafted * 2)).cards == cards
    chinese = patient.answer(patient.supplied, language="zh-Hans")
    assert cards_without_words(chinese) == cards_without_words(patient.said)
    assert alarms(under_other_names(patient)) == alarms(patient)
    key = random.choice(sorted(SEARCHES))
    assert_unknown_does_not_alarm(patient, key)
    assert critical_by_loss(patient, random.choice(held_keys(patient))) == set()


# --- Less on record ---------------------------------------------------------------------------------------------------


Pair = tuple[str, str]
"""An advisory, and the kind of resource that was taken away."""


@cache
def allowed() -> dict[Pair, list[str]]:
    """Which advisory may be raised by taking away which kind of resource, and in which groups that stands."""
    found: dict[Pair, list[str]] = defaultdict(list)
    for name, group in RULES.items():
        for kind in group.get("any_advisory", ()):
            found["*", kind].append(name)
        for advisory, kinds in group.get("for", {}).items():
            for kind in kinds:
                found[advisory, kind].append(name)
    return found


def kind_of(resource: Json) -> str:
    """The type of a resource, or what it is called in invariants.toml when it says one of the things named there."""
    status = [coding["code"] for coding in resource.get("verificationStatus", {}).get("coding", [])]
    if status == ["refuted"]:
        return "refuted Condition"
    named = (kind for kind, concepts in KINDS.items() if not concepts_of(resource).isdisjoint(concepts))
    return next(named, str(resource["resourceType"]))


def concepts_of(resource: Json) -> set[str]:
    codings = resource.get("code", {}).get("coding", [])
    return {concept for one in codings for concept in shipped_terminology().concepts(one["system"], one["code"])}


def without(patient: Patient, index: int) -> dict[Pair, str]:
    """What speaks more urgently when one resource is taken away: (advisory, kind of resource) -> what happened."""
    resource = patient.resources[index]
    said = patient.answer(patient.supplied[:index] + patient.supplied[index + 1 :])
    told = f"{patient.case} without {resource['resourceType']}/{resource.get('id')}"
    return {
        (advisory, kind_of(resource)): f"{told}: {was} -> {level}"
        for advisory, (was, level) in raised(patient.said, said).items()
    }


def surprising(found: Mapping[Pair, Any]) -> dict[Pair, Any]:
    """What invariants.toml does not know of."""
    known = allowed()
    return {pair: told for pair, told in found.items() if pair not in known and ("*", pair[1]) not in known}


@cache
def raised_by_taking_away() -> dict[Pair, list[str]]:
    """Every advisory that one resource less raises in some case or mixture."""
    shown = [mixed(Random(0), [case for name in names for case in CASES if case.name == name]) for names in MIXTURES]
    drawn = [mixture(number, CASES) for number in range(ROUND.max_examples // 3)]
    found: dict[Pair, list[str]] = defaultdict(list)
    for patient in (*(patient for file in FILES for patient in patients(file)), *shown, *drawn):
        for index in range(len(patient.resources)):
            for pair, told in without(patient, index).items():
                found[pair].append(told)
    return found


def test_less_on_record_alarms_no_more_than_the_rules_say() -> None:
    """Of every case, of the mixtures that invariants.toml names, and of those of the first numbers."""
    surprises = {pair: told[:3] for pair, told in surprising(raised_by_taking_away()).items()}
    assert surprises == {}, "a defect, or a line to write in invariants.toml with its reason"


def test_the_mixtures_that_show_an_exception_are_of_cases_there_are() -> None:
    assert {name for names in MIXTURES for name in names} <= {case.name for case in CASES}


def test_every_exception_happens() -> None:
    """An exception that no case shows is none: it would only hide a defect."""
    happened = set(raised_by_taking_away())
    kinds = {kind for _, kind in happened}
    idle = [pair for pair in allowed() if pair not in happened and not (pair[0] == "*" and pair[1] in kinds)]
    assert idle == []


# --- Less known -------------------------------------------------------------------------------------------------------


def assert_unknown_does_not_alarm(patient: Patient, key: str) -> None:
    assert alarmed_by_not_knowing(patient, key) == set(), (patient.case, key)


def alarmed_by_not_knowing(patient: Patient, key: str) -> set[str]:
    """The same resources, but there may be more under ``key``: what is then more urgent than when these are all.

    A benign bone disease silences where it is the only explanation (G4); of diagnoses that are not all known it is not.
    """
    if key == "conditions" and any(not concepts_of(resource).isdisjoint(BENIGN) for resource in patient.resources):
        return set()
    unknown = patient.answer(patient.supplied, gaps={key: "not supplied"})
    return {advisory for advisory in raised(patient.said, unknown) if (advisory, key) not in UNKNOWN_MAY_SPEAK}


@pytest.mark.parametrize("file", FILES)
def test_not_knowing_alarms_no_more_than_knowing(file: str) -> None:
    for patient in patients(file):
        for key in Random(patient.case.name).sample(sorted(SEARCHES), 2):
            assert_unknown_does_not_alarm(patient, key)


@pytest.mark.parametrize("file", FILES)
def test_what_could_not_be_had_makes_no_critical_card(file: str) -> None:
    for patient in patients(file):
        for key in held_keys(patient):
            assert critical_by_loss(patient, key) == set(), (patient.case, key)


def critical_by_loss(patient: Patient, key: str) -> set[str]:
    """What becomes critical when all that is under ``key`` is gone, and that is known (clinical document 1.5.6)."""
    left = [
        supplied
        for supplied, resource in zip(patient.supplied, patient.resources, strict=True)
        if key not in keys_of(resource)
    ]
    before = levels(patient.said)
    return {
        advisory
        for advisory, level in levels(patient.answer(left, gaps={key: "fetch failed"})).items()
        if level == CRITICAL > before.get(advisory, 0) and not {(advisory, key), ("*", key)} & LOST_MAY_ALARM.keys()
    }


def held_keys(patient: Patient) -> list[str]:
    """The prefetch keys that something of the patient is under."""
    return sorted({key for resource in patient.resources for key in keys_of(resource)})


def keys_of(resource: Json) -> list[str]:
    """The prefetch keys a resource is found under."""
    return [key for key, search in SEARCHES.items() if _matches(search, resource)]
