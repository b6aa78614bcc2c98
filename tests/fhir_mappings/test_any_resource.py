"""Whatever comes: nothing leaves read_chart but findings and names of what was skipped, the same in any order."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.chart import Chart, Skipped
from fhir_mappings.charts import OTHER_PATIENT, read_chart
from fhir_mappings.reading import Supplied, look
from tests.forms import AS_OF, terminology
from tests.strategies import READ_TYPES, broken, odd_bytes, resources, valid

Resource = dict[str, Any]
ordinary = settings(max_examples=120, deadline=None)


def read(*given: Resource | bytes, as_of: date = AS_OF, drafts: tuple[Resource, ...] = ()) -> Chart:
    def supplied(one: Resource | bytes) -> Supplied:
        return look(msgspec.Raw(one if isinstance(one, bytes) else json.dumps(one).encode()))

    return read_chart(
        map(supplied, given),
        terminology=terminology(),
        as_of=as_of,
        patient_id="me",
        drafts=map(supplied, drafts),
    ).chart


def everything(chart: Chart) -> list[str]:
    return sorted(map(repr, chart.findings))


def test_the_strategies_hold_every_type_that_is_read() -> None:
    from fhir_mappings.charts import _READERS

    assert set(READ_TYPES) == set(_READERS)


def test_the_readers_of_a_resource_type_share_its_view_which_is_decoded_once() -> None:
    from fhir_mappings.charts import _READERS

    for kind, readers in _READERS.items():
        assert len({reader.view for reader in readers}) == 1, kind


@ordinary
@given(broken(), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_no_exception_leaves_a_reader(resource: Resource, as_of: date) -> None:
    read(resource, as_of=as_of)
    read(drafts=(resource,), as_of=as_of)


@ordinary
@given(odd_bytes(), valid())
def test_what_is_no_resource_is_named_and_the_rest_is_read(odd: bytes, resource: Resource) -> None:
    alone, beside = read(resource), read(odd, resource)
    assert everything(beside) == everything(alone)
    assert len(beside.skipped) == len(alone.skipped) + 1
    assert all(skip.reference and skip.why for skip in beside.skipped)


@ordinary
@given(resources())
def test_every_skipped_resource_is_named(given: list[Resource]) -> None:
    chart = read(*given)
    assert all(skip.why for skip in chart.skipped)
    named = {f"{one['resourceType']}/{one['id']}" for one in given if isinstance(one.get("id"), str)}
    for skip in chart.skipped:
        assert skip.reference in named or " without id" in skip.reference or not skip.reference.rpartition("/")[2]


@ordinary
@given(valid(), st.data())
def test_an_element_of_the_wrong_shape_makes_no_resource_vanish(resource: Resource, data: st.DataObject) -> None:
    """An object where FHIR has a text, a number where it has an object: what says something says it, or is named."""
    if not read(resource).findings or resource["resourceType"] == "Patient":
        return
    name = data.draw(st.sampled_from(sorted(set(resource) - {"resourceType", "id"})))
    wrong = 7 if isinstance(resource[name], dict | list) else {"a": []}
    chart = read({**resource, name: wrong})
    reference = f"{resource['resourceType']}/{resource['id']}"
    said = {finding.evidence.reference for finding in chart.findings} | {skip.reference for skip in chart.skipped}
    assert reference in said


@ordinary
@given(valid(), st.data())
def test_what_is_skipped_never_says_a_value(resource: Resource, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted({*resource, "code"} - {"resourceType", "id"})))
    for secret in ("Zyxwv", {"Zyxwv": "Zyxwv"}, ["Zyxwv"], {"value": "Zyxwv", "unit": "Zyxwv"}):
        assert "Zyxwv" not in repr(read({**resource, name: secret}).skipped)


@ordinary
@given(resources(), st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(given: list[Resource], chance: Any) -> None:
    shuffled = [*given, *given[: len(given) // 2]]
    chance.shuffle(shuffled)
    first, second = read(*given), read(*shuffled)
    assert everything(first) == everything(second)
    assert set(map(repr, first.skipped)) == set(map(repr, second.skipped))
    assert everything(first) == everything(read(*given))


def test_what_two_readers_could_not_read_of_one_resource_is_named_in_one_order() -> None:
    """Else two workers would name them, and believe one of them first, each in an order of its own."""
    from fhir_mappings.charts import _order

    one, other = (Skipped("Observation/1", "unreadable", "code", names) for names in (("egfr",), ("egfr", "met")))
    assert sorted([one, other], key=_order) == sorted([other, one], key=_order) == [one, other]


@ordinary
@given(st.lists(valid(), max_size=4), st.lists(broken(), max_size=4))
def test_what_belongs_to_another_changes_nothing(mine: list[Resource], others: list[Resource]) -> None:
    """But for the name of what was left out; a resource another patient's resource refers to may be anybody's."""
    alien = [
        {
            **one,
            "id": f"x{n}",
            ("patient" if one["resourceType"] == "Patient" else "subject"): {"reference": "Patient/x"},
        }
        for n, one in enumerate(others)
        if one["resourceType"] not in ("Appointment", "Patient", "Medication", "BodyStructure", "Condition")
    ]
    alone, beside = read(*mine), read(*mine, *alien)
    assert everything(alone) == everything(beside)
    more = set(beside.skipped) - set(alone.skipped)
    assert all(skip.why in (OTHER_PATIENT, "unreadable") for skip in more)


def test_a_patient_without_an_id_lets_nobody_else_in() -> None:
    """Found by the test of order: the first Patient, having no id, let every patient's resources pass."""
    nobody = {"resourceType": "Patient", "gender": "male"}
    me = {"resourceType": "Patient", "id": "me", "gender": "female"}
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/x"}}
    metastasis = condition | {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "94222008"}]}}
    for order in ((nobody, me, metastasis), (me, nobody, metastasis)):
        assert [skip.why for skip in read(*order).skipped] == [OTHER_PATIENT]


@pytest.mark.parametrize("kind", READ_TYPES)
def test_a_resource_with_nothing_in_it(kind: str) -> None:
    chart = read({"resourceType": kind}, {"resourceType": kind, "id": "x"})
    assert all(skip.reference for skip in chart.skipped)
