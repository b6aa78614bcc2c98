"""Odd calls of every kind: never a 5xx, always JSON, no value of a patient in an error or the log, no hang."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutations
from tests.fuzz.broken import CORPUS, Broke, read, saved
from tests.fuzz.judge import Judge
from tests.fuzz.mutations import Call
from tests.fuzz.profiles import ROUND
from tests.fuzz.values import VALUES


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@ROUND
@given(random=st.randoms(use_true_random=False))
def test_examples_with_places_changed(judge: Judge, random: Random) -> None:
    call = mutations.mutated(random)
    assert judge.faults(call) == [], call


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_every_value_somewhere(judge: Judge, value: bytes) -> None:
    """Each of the values at a sample of the places; ``make fuzz`` puts each at all of them."""
    for name, place in Random(value).sample(mutations.every_place(), 8):
        call = mutations.with_value(name, place, value)
        assert judge.faults(call) == [], call.told


@pytest.mark.parametrize("path", saved(), ids=lambda path: path.stem)
def test_what_once_broke_it(judge: Judge, path: Path) -> None:
    broke = read(path)
    assert judge.faults(broke.call) == [], broke.why


def test_the_corpus_is_readable() -> None:
    assert {path.name for path in CORPUS.iterdir()} >= {path.name for path in saved()}
    assert all(isinstance(read(path), Broke) for path in saved())


BODIES = {
    "nothing": b"",
    "a number": b"7",
    "an array nested a hundred thousand times": b"[" * 100_000,
    "a closed one": b"[" * 100_000 + b"]" * 100_000,
    "an object nested a hundred thousand times": b'{"a":' * 100_000,
    "a number of a million digits": b"9" * 1_000_000,
    "a string of ten megabytes": b'"' + b"a" * 10_000_000 + b'"',
    "ten megabytes of empty arrays": b"[" + b"[]," * 3_000_000 + b"[]]",
    "more than the limit": b" " * 10_485_761,
    "NUL": b"\x00" * 100,
    "UTF-16": '{"hook": "patient-view"}'.encode("utf-16"),
    "bytes that are not UTF-8": b'{"hook": "\xff\xfe"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/cds-services/calcium-patient-view", "/cds-services/calcium-patient-view/feedback"])
def test_bodies_that_are_no_request(judge: Judge, path: str, body: bytes) -> None:
    assert judge.faults(Call(path, body)) == []


ENTRIES = {
    "the same resource twenty thousand times": lambda one: [one] * 20_000,
    "twenty thousand resources": lambda one: [one | {"id": f"r-{count}"} for count in range(20_000)],
    "one with twenty thousand components": lambda one: [one | {"component": one.get("component", [{}]) * 20_000}],
    "one with a text of eight megabytes": lambda one: [one | {"note": [{"text": "a" * 8_000_000}]}],
    "one with an id of a megabyte": lambda one: [one | {"id": "a" * 1_000_000}],
    "twenty thousand of other patients": lambda one: [
        one | {"subject": {"reference": f"Patient/{n}"}} for n in range(20_000)
    ],
    "twenty thousand unreadable": lambda one: [one | {"id": n, "status": []} for n in range(20_000)],
}


@pytest.mark.parametrize("entries", ENTRIES.values(), ids=ENTRIES)
def test_requests_as_long_as_allowed(judge: Judge, entries) -> None:
    request = mutations.copied(mutations.examples()["mirels"])
    lesion = request["prefetch"]["lesions"]["entry"][0]["resource"]
    request["prefetch"]["lesions"]["entry"] = [{"resource": resource} for resource in entries(lesion)]
    assert judge.faults(mutations.call_of("mirels", msgspec.json.encode(request))) == []
